//! The gate: who may pass, and as whom. Pure: no await, no store, no hash; the whole policy is `Gate::decide`.

use std::rc::Rc;

use http::Method;
use http::header::{AUTHORIZATION, UPGRADE};
use http::request::Parts;

use crate::config::settings::Settings;
use crate::sessions::{Issued, Revocations};
use crate::store::Generation;
use crate::tokens::{TokenFault, Tokens};
use crate::types::{Clock, Secret, Timestamp};
use crate::web::path::LocalPath;
use crate::web::{Code, Fields, Head, Peer, Problem, browser};

mod cache;
pub mod credential;
pub mod explain;
pub mod identity;
mod lifeline;
pub mod origin;
mod pass;
pub mod refusal;
pub mod rules;
pub mod subrequest;

use cache::{Cache, Known, Tells};
use credential::{Credentials, doubled_authorization};
pub use lifeline::Lifeline;
use origin::{Origins, Site};
pub use pass::{Pass, Way};
pub use refusal::Refusal;
use rules::{Judged, Need, Rules};

/// What the gate may decide. Each arm is the caller's to carry out.
pub enum Verdict {
    /// Let it through, with this permit.
    Forward(Pass),
    /// Renew the session in passing, then ask [`Gate::renewed`] for the permit.
    Renew(Renewal),
    /// Answer with this; nothing reaches the upstream.
    Refuse(Refusal),
    /// Send the browser to sign in, and then back here.
    ToLogin(LocalPath),
    /// Send the browser to prove its user's address, and then back here.
    ToProof(LocalPath),
}

/// A renewal that a request has asked for: the refresh token, not yet looked at.
pub struct Renewal {
    token: Secret<String>,
    because: Code,
}

impl Renewal {
    /// The refresh token, for `Sessions::refresh` alone.
    pub fn token(&self) -> &str {
        self.token.reveal()
    }
}

/// The gate of one worker. Not shared: its cache is the worker's own.
pub struct Gate {
    credentials: Credentials,
    origins: Origins,
    rules: Rules,
    pages: bool,
    tells: Tells,
    tokens: Tokens,
    revocations: Rc<Revocations>,
    clock: Clock,
    cache: Cache,
}

impl Gate {
    /// A gate as the settings have it.
    pub fn new(settings: &Settings, tokens: Tokens, revocations: Revocations, clock: Clock) -> Self {
        Self {
            credentials: Credentials::new(settings),
            origins: Origins::new(settings),
            rules: Rules::new(&settings.rules),
            pages: settings.pages.enabled,
            tells: Tells {
                particulars: settings.tokens.particulars,
                token: settings.identity.token.is_some(),
            },
            tokens,
            revocations: Rc::new(revocations),
            clock,
            cache: Cache::new(),
        }
    }

    /// Decides over a request by its head and by who sent it.
    pub fn decide(&self, head: &impl Head, peer: &Peer) -> Verdict {
        let headers = head.fields();
        if doubled_authorization(headers) {
            return Verdict::Refuse(Refusal::document(Problem::new(Code::AmbiguousCredential)));
        }
        let judged = self.judge(head, peer);
        match judged.need {
            Need::Nothing => return self.for_nobody(headers, &judged),
            Need::Denied => return self.forbidden(head),
            Need::Optional | Need::SignedIn(_) => {}
        }
        let now = self.clock.now();
        let access = self.credentials.access(headers);
        let because = match access.token().map(|token| self.known(token, now)) {
            Some(Ok((known, fresh))) => return self.admit(head, peer, &judged, &known, fresh),
            Some(Err(TokenFault::Expired)) => Code::TokenExpired,
            Some(Err(TokenFault::Invalid(_))) => Code::InvalidToken,
            None => Code::NotAuthenticated,
        };
        match self.credentials.renewal(headers, because) {
            Some(_) if self.is_foreign_write(head, peer) => {
                Verdict::Refuse(Refusal::document(Problem::new(Code::CrossSite)))
            }
            Some(token) => Verdict::Renew(Renewal { token: Secret::new(token.to_owned()), because }),
            None => self.not_signed_in(head, &judged, because),
        }
    }

    /// Whether this worker has verified a token before: the look-up alone, for the benches. It says nothing of whether the
    /// token is still good.
    pub fn has_seen(&self, token: &str) -> bool {
        self.cache.get(token).is_some()
    }

    /// The verdict over a request whose session was renewed in passing; its answer carries the new tokens whatever it is.
    /// The renewal itself where the session was ended meanwhile.
    pub fn renewed(
        &self,
        spent: Renewal,
        issued: &Issued,
        head: &Parts,
        peer: &Peer,
    ) -> Result<Verdict, Renewal> {
        let epoch = self.revocations.epoch();
        if self.revocations.is_revoked(issued.session.id) {
            return Err(spent);
        }
        let known = Known::of_renewed(issued, self.tells, epoch);
        // What it says of its user may be other by now: nothing looks at that again for as long as the epoch stands still.
        if known.is_outdated(&self.revocations) {
            return Err(spent);
        }
        let judged = self.judge(head, peer);
        if known.is_unproven() {
            return Ok(self.unproven(head, &judged));
        }
        Ok(match judged.need {
            Need::SignedIn(roles) if !known.meets(&roles) => self.forbidden(head),
            Need::Denied => self.forbidden(head),
            _ => Verdict::Forward(self.pass(Rc::new(known), None, judged.way)),
        })
    }

    /// The verdict over a request whose session could not be renewed.
    pub fn not_renewed(&self, renewal: &Renewal, head: &Parts, peer: &Peer) -> Verdict {
        let because = match renewal.because {
            Code::NotAuthenticated => Code::InvalidToken,
            other => other,
        };
        self.not_signed_in(head, &self.judge(head, peer), because)
    }

    /// A 401 as programs read it, for whoever was not let through: where a front proxy leads browsers to the sign-in page by
    /// itself, and takes only a 401 for "not signed in" (nginx).
    pub fn unauthorized(&self, head: &Parts, because: Code) -> Refusal {
        Refusal::unauthorized(because, self.credentials.challenge(), head, false)
    }

    fn judge(&self, head: &impl Head, peer: &Peer) -> Judged<'_> {
        self.rules.judge(head.method(), peer.host.as_ref(), head.uri().path())
    }

    fn admit(
        &self,
        head: &impl Head,
        peer: &Peer,
        judged: &Judged<'_>,
        known: &Rc<Known>,
        fresh: bool,
    ) -> Verdict {
        // A bearer is set by a script of a page that may read it; no other site's page can make a browser send it.
        if !self.credentials.owns_authorization() && self.is_foreign_write(head, peer) {
            return Verdict::Refuse(Refusal::document(Problem::new(Code::CrossSite)));
        }
        // A sign-in before the proof opens `/auth/*` alone (contract section 4).
        if known.is_unproven() {
            return self.unproven(head, judged);
        }
        // Each time, and not when the token is verified: the same token is asked for other paths.
        if let Need::SignedIn(roles) = &judged.need
            && !known.meets(roles)
        {
            return self.forbidden(head);
        }
        let first_seen = fresh.then_some(known.generation);
        Verdict::Forward(self.pass(Rc::clone(known), first_seen, judged.way))
    }

    fn pass(&self, known: Rc<Known>, first_seen: Option<Generation>, way: Way) -> Pass {
        // What opened is the gate's own.
        let hides_bearer = self.credentials.owns_authorization();
        Pass::new(known, first_seen, Rc::clone(&self.revocations), way, hides_bearer)
    }

    /// Lets through what is open to everybody. A bearer that is not the gate's own is the backend's, which may have users
    /// of its own there.
    fn for_nobody(&self, headers: &impl Fields, judged: &Judged<'_>) -> Verdict {
        // Wherever in it that stands: a client's mistake must not give its token away.
        let hides_bearer = self.credentials.owns_authorization()
            && headers.all(AUTHORIZATION).any(|value| self.tokens.has_made(value));
        Verdict::Forward(Pass::nobodys(judged.way, hides_bearer))
    }

    /// What is known of a token: a saved signature check, and every reason to refuse it that may have come up
    /// since. The second value: this worker sees the token for the first time.
    fn known(&self, token: &str, now: Timestamp) -> Result<(Rc<Known>, bool), TokenFault> {
        // Read before the look-up: what is published in between is then looked up again next time.
        let epoch = self.revocations.epoch();
        let cached = self.cache.get(token);
        let (known, fresh) = if let Some(known) = cached {
            (known, false)
        } else {
            // Read before the keys are: where they change in between, the token is verified once more.
            let keys = self.tokens.keys_version();
            let claims = self.tokens.verify_access(token, now)?;
            (Rc::new(Known::of_claims(&claims, self.tells.token.then_some(token), keys)), true)
        };
        if now >= known.expires {
            self.cache.forget(token);
            return Err(TokenFault::Expired);
        }
        if known.epoch.get() != Some(epoch) {
            self.verify_anew(token, &known, now)?;
            if self.revocations.is_revoked(known.session) {
                self.cache.forget(token);
                return Err(TokenFault::Invalid("its session has ended"));
            }
            // As good as expired: its renewal says how its user is at present (contract section 5).
            if known.is_outdated(&self.revocations) {
                self.cache.forget(token);
                return Err(TokenFault::Expired);
            }
            known.epoch.set(Some(epoch));
        }
        if fresh {
            self.cache.keep(token, &known);
        }
        Ok((known, fresh))
    }

    /// Where the keys are others than those that a token was verified under: its key may be gone. Asked only when the
    /// epoch has moved, as it does after each change of keys.
    fn verify_anew(&self, token: &str, known: &Known, now: Timestamp) -> Result<(), TokenFault> {
        let keys = self.tokens.keys_version();
        if known.keys.get() == keys {
            return Ok(());
        }
        if let Err(fault) = self.tokens.verify_access(token, now) {
            self.cache.forget(token);
            return Err(fault);
        }
        known.keys.set(keys);
        Ok(())
    }

    fn is_foreign_write(&self, head: &impl Head, peer: &Peer) -> bool {
        let safe = matches!(*head.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
        (!safe || head.fields().has(UPGRADE))
            && self.origins.judge(head.fields(), peer.host.as_ref()) == Site::Foreign
    }

    fn forbidden(&self, head: &impl Head) -> Verdict {
        Verdict::Refuse(Refusal::forbidden(head, self.pages))
    }

    /// What becomes of who is signed in and has yet to prove their address: what is open to everybody is open to them,
    /// and they are nobody there.
    fn unproven(&self, head: &impl Head, judged: &Judged<'_>) -> Verdict {
        match judged.need {
            Need::Denied => self.forbidden(head),
            Need::Optional | Need::Nothing => self.for_nobody(head.fields(), judged),
            Need::SignedIn(_) => match self.navigation(head) {
                Some(asked) => Verdict::ToProof(asked),
                None => Verdict::Refuse(Refusal::unproven(head, self.pages)),
            },
        }
    }

    /// Where a browser wanted to go that can be shown a page of the gate's instead.
    fn navigation(&self, head: &impl Head) -> Option<LocalPath> {
        let is_one = self.pages
            && !refusal::is_grpc(head.fields())
            && browser::is_navigation(head.method(), head.fields());
        let asked = head.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        is_one.then(|| LocalPath::parse(asked).unwrap_or_else(LocalPath::root))
    }

    fn not_signed_in(&self, head: &impl Head, judged: &Judged<'_>, because: Code) -> Verdict {
        if judged.need == Need::Optional {
            return self.for_nobody(head.fields(), judged);
        }
        if let Some(asked) = self.navigation(head) {
            return Verdict::ToLogin(asked);
        }
        Verdict::Refuse(Refusal::unauthorized(because, self.credentials.challenge(), head, self.pages))
    }
}
