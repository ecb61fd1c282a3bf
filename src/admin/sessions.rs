//! Commands about sessions.

use super::Services;
use super::command::{Text, Which};
use super::execute::Reply;
use super::failure::Failure;
use super::listing;
use super::views::{RevokedView, SessionView};
use crate::types::UserRef;

pub(super) async fn list(services: &Services, whose: Option<UserRef>) -> Result<Reply, Failure> {
    let Some(who) = whose else { return Ok(listing::sessions(services)) };
    let user = services.find(who).await?;
    let sessions = services.sessions.of(user.id).await?;
    let email = user.email.as_str();
    let shown: Vec<_> =
        sessions.iter().map(|session| SessionView::new(session, Some(email.to_owned()))).collect();
    Ok(listing::of(shown))
}

pub(super) async fn revoke(services: &Services, which: Which) -> Result<Reply, Failure> {
    let revoked = match which {
        Which::Session(Text(id)) if services.sessions.revoke(id).await? => 1,
        Which::Session(Text(id)) => return Err(Failure::NoSuchSession(id)),
        Which::User(Text(who)) => {
            let user = services.find(who).await?;
            services.sessions.revoke_of(user.id).await?
        }
        Which::All => services.sessions.end_everybody().await?,
    };
    Ok(Reply::object(&RevokedView { revoked: revoked as u64 }))
}
