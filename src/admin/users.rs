//! Commands about users.

use super::Services;
use super::execute::Reply;
use super::failure::Failure;
use super::import;
use super::lines::Lines;
use super::views::{BadRowView, ImportView, ResetView, RowView, UserView};
use crate::accounts::{AddError, AddUser, ChangeError, InviteError};
use crate::store::{ImportPolicy, ImportRow, User, UserChange};
use crate::types::{Email, Password, Role, UserRef, Username};

pub(super) async fn add(
    services: &Services,
    email: Email,
    username: Username,
    roles: Vec<Role>,
    password: Option<Password>,
) -> Result<Reply, Failure> {
    let new = AddUser { email: email.clone(), username, password, roles };
    match services.accounts.add(new).await {
        Ok(user) => Ok(shown(&user)),
        Err(error) => Err(not_added(error, email)),
    }
}

pub(super) async fn invite(
    services: &Services,
    email: Email,
    username: Username,
    roles: Vec<Role>,
) -> Result<Reply, Failure> {
    // The link that is mailed opens a page.
    if !services.pages {
        return Err(Failure::NoPages);
    }
    let new = AddUser { email: email.clone(), username, password: None, roles };
    match services.accounts.invite(new).await {
        Ok(user) => Ok(shown(&user)),
        Err(InviteError::NoMail) => Err(Failure::NoMail),
        Err(InviteError::Add(error)) => Err(not_added(error, email)),
        Err(InviteError::Undelivered { user, server, cause }) => Err(Failure::Undelivered {
            uid: user.id,
            cause: format!("mail server `{server}`: {cause}{}", cause.remedy()),
        }),
    }
}

fn not_added(error: AddError, email: Email) -> Failure {
    match error {
        AddError::EmailTaken => Failure::EmailTaken(email),
        AddError::Unfit(unfit) => unfit.into(),
        AddError::Hash(error) => error.into(),
        AddError::Store(error) => error.into(),
    }
}

pub(super) async fn show(services: &Services, who: UserRef) -> Result<Reply, Failure> {
    services.find(who).await.map(|user| shown(&user))
}

pub(super) async fn change(services: &Services, who: UserRef, change: UserChange) -> Result<Reply, Failure> {
    let user = services.find(who.clone()).await?;
    let wanted = change.email.clone();
    match services.accounts.change(user.id, change).await {
        Ok(user) => Ok(shown(&user)),
        Err(ChangeError::NoSuchUser) => Err(Failure::NoSuchUser(who)),
        Err(ChangeError::EmailTaken) => Err(Failure::EmailTaken(wanted.unwrap_or(user.email))),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

pub(super) async fn reset(services: &Services, who: UserRef) -> Result<Reply, Failure> {
    let user = services.find(who.clone()).await?;
    let link = services.accounts.reset_link(user.id).await?.ok_or(Failure::NoSuchUser(who))?;
    Ok(Reply::object(&ResetView {
        uid: user.id.number(),
        email: user.email.as_str().to_owned(),
        url: link.url.reveal().clone(),
        expires_at: link.expires.rfc3339(),
        has_page: services.pages,
    }))
}

pub(super) async fn set_active(services: &Services, who: UserRef, active: bool) -> Result<Reply, Failure> {
    let user = services.find(who.clone()).await?;
    services.accounts.set_active(user.id, active).await?.ok_or_else(|| Failure::NoSuchUser(who.clone()))?;
    // As they are now: nobody is told of a state that did not come about.
    show(services, UserRef::Id(user.id)).await
}

pub(super) async fn remove(services: &Services, who: UserRef) -> Result<Reply, Failure> {
    let user = services.find(who.clone()).await?;
    match services.accounts.remove(user.id).await? {
        Some(removed) => Ok(shown(&removed)),
        None => Err(Failure::NoSuchUser(who)),
    }
}

/// Reads all rows before any is written: what is bad is told of all of them at once.
pub(super) async fn import(
    services: &Services,
    mut rows: Lines,
    mut policy: ImportPolicy,
) -> Result<Reply, Failure> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    while let Some(line) = rows.next().await.map_err(|error| Failure::Cut(error.to_string()))? {
        match read(&line)? {
            Ok(row) => good.push(row),
            Err(row) => bad.push(row),
        }
    }
    policy.only_examine |= !bad.is_empty() && !policy.skip_bad;
    let outcome = services.accounts.import(good, policy).await?;
    bad.extend(outcome.bad.iter().map(|row| BadRowView { line: row.line, error: row.why.to_string() }));
    bad.sort_by_key(|row| row.line);
    Ok(Reply::object(&ImportView {
        added: outcome.added,
        updated: outcome.updated,
        skipped: outcome.skipped,
        unchanged: outcome.unchanged,
        bad,
    }))
}

/// A row is checked here again: whoever speaks to the socket need not be our own command line.
fn read(line: &[u8]) -> Result<Result<ImportRow, BadRowView>, Failure> {
    let RowView { line, user } =
        serde_json::from_slice(line).map_err(|error| Failure::Unknown(error.to_string()))?;
    Ok(match import::check(user, &import::recognise) {
        Ok(row) => Ok(ImportRow {
            line,
            uid: row.uid,
            email: row.email,
            username: row.username,
            password: row.password,
            active: row.active,
            roles: row.roles,
            email_verified: row.email_verified,
            created: row.created,
            updated: row.updated,
        }),
        Err(fault) => Err(BadRowView { line, error: fault.to_string() }),
    })
}

fn shown(user: &User) -> Reply {
    Reply::object(&UserView::from(user))
}
