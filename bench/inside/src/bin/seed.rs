//! Fills a new database with sessions that were ended and with people who are signed in. `bench/run` then starts a gate
//! on it.
//!
//! `seed ENDED ONLINE`: how many of each. The database is the one that the gate's own variables name. Prints an access
//! token a line, of a user of its own each.

use std::error::Error;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use sidegate::app::{self, Services};
use sidegate::config::{self, env::System};
use sidegate::log::AccessLog;
use sidegate::sessions::Device;
use sidegate::store::{CreatedUser, MOST_SESSIONS, NewUser, User};
use sidegate::types::{Clock, Email, Username};
use tokio::task::JoinSet;

/// What is written at once: it is committed together.
const TOGETHER: usize = 256;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ended, online] = arguments.as_slice() else { return Err("usage: seed ENDED ONLINE".into()) };
    let (ended, online): (usize, usize) = (ended.parse()?, online.parse()?);
    let loaded = config::load(None, &System, Path::new("."))
        .map_err(|findings| format!("the configuration is wrong: {findings:?}"))?;
    let running = app::start(loaded.settings, Clock::system(), AccessLog::Off)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let services = running.services();
        end(services, ended).await?;
        let mut out = BufWriter::new(io::stdout().lock());
        for token in tokens(services, users(services, "online", online).await?).await? {
            writeln!(out, "{token}")?;
        }
        out.flush()?;
        Ok::<(), Failure>(())
    })?;
    running.stop();
    Ok(())
}

/// Starts a number of sessions and ends them all, of as few users as may have so many.
async fn end(services: &Services, count: usize) -> Result<(), Failure> {
    let gone = users(services, "gone", count.div_ceil(MOST_SESSIONS)).await?;
    let owners = gone.iter().cycle().take(count).cloned().collect();
    tokens(services, owners).await?;
    let ended = services.sessions.end_everybody().await?;
    if ended == count { Ok(()) } else { Err(format!("{ended} sessions were ended, not {count}").into()) }
}

/// Makes users without a password.
async fn users(services: &Services, name: &str, count: usize) -> Result<Vec<User>, Failure> {
    let mut made = Vec::with_capacity(count);
    for first in (0..count).step_by(TOGETHER) {
        let mut writing = JoinSet::new();
        for number in first..count.min(first + TOGETHER) {
            let user = NewUser {
                email: Email::parse(&format!("{name}{number}@example.com")).ok_or("no address")?,
                username: Username::parse(&format!("{name}{number}")).ok_or("no name")?,
                password: None,
                roles: Vec::new(),
                email_verified: false,
                created: Clock::system().now(),
            };
            let store = services.store.clone();
            writing.spawn(async move { store.create_user(user).await });
        }
        while let Some(created) = writing.join_next().await {
            match created?? {
                CreatedUser::Created(user) => made.push(user),
                CreatedUser::EmailTaken => return Err("the database is not a new one".into()),
            }
        }
    }
    Ok(made)
}

/// Starts a session for each of these users; gives the access tokens.
async fn tokens(services: &Services, owners: Vec<User>) -> Result<Vec<String>, Failure> {
    let mut made = Vec::with_capacity(owners.len());
    for owners in owners.chunks(TOGETHER) {
        let mut writing = JoinSet::new();
        for owner in owners {
            let (sessions, owner) = (services.sessions.clone(), owner.clone());
            writing.spawn(async move { sessions.start(&owner, Device::default(), None).await });
        }
        while let Some(started) = writing.join_next().await {
            made.push(started??.access.token.reveal().clone());
        }
    }
    Ok(made)
}
