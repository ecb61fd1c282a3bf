//! Attempts are counted before anything is looked up, those under way included. What a restart must not undo is on
//! disk before a failed one is answered.

use std::net::IpAddr;
use std::time::Duration;

use super::{Accounts, Services};
use crate::config::settings::Rate;
use crate::hashing::Begun;
use crate::limits::{Counter, Kept, Kind, LimitKey, Limited, Network, Permit};
use crate::store::{KeepLimit, KeptLimit, StoreError};
use crate::tokens::Holder;
use crate::types::{DeviceId, EmailKey};

/// How many times the limit of one account is the limit of one network: families and offices share one.
const NETWORK_FACTOR: u32 = 10;

/// How often one user may change their name, address or password. No person comes near it; but each change is a commit of
/// its own and a line in the audit log, and a client that asks and leaves could else pile them up without end.
const CHANGES: Rate = Rate { count: 60, per: Duration::from_mins(15) };

/// Who says that they are whom.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The account; `None` where what they gave is no address, and so nobody's.
    pub account: Option<&'a EmailKey>,
    /// Where they are.
    pub address: Option<IpAddr>,
    /// Their browser, if it has signed in to this account before.
    pub device: Option<DeviceId>,
}

/// An attempt that is counted. Dropped, it stays so, and a restart may forget it: whoever answers it says what became
/// of it before.
#[must_use = "an attempt either stands or is refunded"]
pub struct Attempt {
    permits: Vec<Permit>,
    accounts: Accounts,
    begun: Option<Begun>,
}

/// Nobody waits for it any more: where nothing was learnt by it, it was no guess. It did take a place in the queue, and
/// so the wider limits keep it, or one client could fill that queue for all others for nothing.
impl Drop for Attempt {
    fn drop(&mut self) {
        if self.begun.as_ref().is_some_and(|begun| !begun.is_so()) {
            let is_narrow =
                |permit: &mut Permit| !matches!(permit.kind(), Kind::SignInNetwork | Kind::SignInDevices);
            self.permits.extract_if(.., is_narrow).for_each(Permit::refund);
        }
    }
}

impl Attempt {
    /// Gives it back: it was no guess, or a right one. A wait that it began ends.
    pub fn refund(mut self) {
        self.permits.drain(..).for_each(Permit::refund);
    }

    /// Dropped before a thread has begun with the password, it is no guess: whoever loses patience while theirs is far
    /// behind in the queue keeps their attempts.
    pub(super) fn with_begun(mut self, begun: Begun) -> Self {
        self.begun = Some(begun);
        self
    }

    /// It counts. When this returns a crash does not undo it.
    pub async fn stands(mut self) {
        let accounts = self.accounts.clone();
        let services = &accounts.0.services;
        let now = services.clock.now();
        let kept: Vec<_> =
            self.permits.drain(..).filter_map(|permit| permit.stand(now)).map(to_store).collect();
        if kept.is_empty() {
            return;
        }
        // It counts in memory all the same; a full disk is no reason to tell whoever guesses something else.
        if let Err(error) = services.store.keep_limits(kept).await {
            tracing::warn!(%error, "counters of attempts could not be written: a restart would forget them");
        }
    }
}

impl Accounts {
    /// Counts an attempt to prove a password, or refuses it.
    ///
    /// A known browser is counted apart, so that no stranger, not even one of the same network, keeps its owner out.
    /// When it has used up what is its own, or all of the account's what is theirs, it is a stranger like any other.
    pub fn admit_attempt(&self, claim: Claim<'_>) -> Result<Attempt, Limited> {
        if let (Some(account), Some(device)) = (claim.account, claim.device)
            && let Ok(attempt) = self.counted(&[
                LimitKey::SignInDevice(account.clone(), device),
                LimitKey::SignInDevices(account.clone()),
            ])
        {
            return Ok(attempt);
        }
        let network = Network::of(claim.address);
        let mut counted = vec![LimitKey::SignInNetwork(network)];
        if let Some(account) = claim.account {
            counted.push(LimitKey::SignIn(account.clone(), network));
            counted.push(LimitKey::SignInAccount(account.clone()));
        }
        self.counted(&counted)
    }

    /// The browser whose device token this is, if it is one of who has this address now. Nobody's is known.
    ///
    /// To be asked only for whom a token came: it is a look-up before anything is counted.
    pub async fn known_device(
        &self,
        token: &str,
        account: &EmailKey,
    ) -> Result<Option<DeviceId>, StoreError> {
        let Services { store, tokens, clock, .. } = &self.0.services;
        let user = store.user_by_email(account).await?;
        let holder = user.as_ref().and_then(Holder::of);
        Ok(holder.and_then(|holder| tokens.known_device(token, holder, clock.now())))
    }

    /// All of the limits or none: an attempt that one of them refuses is not made, so it costs nothing of the others.
    pub(super) fn counted(&self, keys: &[LimitKey]) -> Result<Attempt, Limited> {
        let (limits, now) = (&self.0.services.limits, self.0.services.clock.now());
        let mut attempt =
            Attempt { permits: Vec::with_capacity(keys.len()), accounts: self.clone(), begun: None };
        for key in keys {
            match limits.attempt(key, self.rate(key.kind()), now) {
                Ok(permit) => attempt.permits.push(permit),
                Err(limited) => {
                    attempt.refund();
                    return Err(limited);
                }
            }
        }
        Ok(attempt)
    }

    /// Goes on counting from where the counters stood that were kept. To be called before the first request.
    pub async fn restore_limits(&self) -> Result<(), StoreError> {
        let services = &self.0.services;
        let now = services.clock.now();
        for KeptLimit { kind, key, counter: [empty_at, not_before], until: _ } in
            services.store.kept_limits(now).await?
        {
            // Else it is of a kind that a newer Sidegate counts.
            if let Some(kind) = Kind::from_number(kind) {
                let counter = Counter { empty_at, not_before };
                services.limits.restore(kind, key, counter, self.rate(kind), now);
            }
        }
        Ok(())
    }

    /// How often what is of this kind may be tried.
    fn rate(&self, kind: Kind) -> Rate {
        let settings = &self.0.limits;
        match kind {
            Kind::SignIn | Kind::SignInAccount | Kind::SignInDevice => settings.signin_failures,
            Kind::SignInNetwork | Kind::SignInDevices | Kind::Reset => of_a_network(settings.signin_failures),
            Kind::SignUp | Kind::MailNetwork => settings.signup,
            Kind::MailAccount => super::links::MAILS,
            Kind::Account => CHANGES,
        }
    }
}

/// What a whole network may do, where one account may do this.
const fn of_a_network(rate: Rate) -> Rate {
    Rate { count: rate.count.saturating_mul(NETWORK_FACTOR), per: rate.per }
}

fn to_store(kept: Kept) -> KeepLimit {
    let Kept { kind, key, counter, furthest } = kept;
    let (until, kind) = (counter.until(), kind.number());
    let limit = KeptLimit { kind, key, counter: [counter.empty_at, counter.not_before], until };
    KeepLimit { limit, furthest }
}
