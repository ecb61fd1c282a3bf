//! Every key of the configuration file with its documentation and its default. The example file, the variables' names
//! and the check for unknown keys are made from this table.
#![expect(clippy::doc_markdown, reason = "the doc comments are the example file's text, too")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::addresses::Trusted;
use super::measures::Size;
use super::names::{Auto, CookieName, IdentityHeader};
use super::raw::Value;
use super::reader::Reader;
use super::settings::{
    Algorithm, DatabaseUrl, Delivery, HostHeader, Listen, LogFormat, PublicUrl, Rate, SameSite,
    UpstreamTarget, VerifySource,
};
use super::smtp::SmtpUrl;
use super::table::{Effective, Given, Key, Later, Section, keys};
use super::urls::{Domain, Origin};
use crate::types::{Email, Secret};

keys! {
    /// Where clients connect, and how the gate is known to them.
    server: Server {
        /// Where clients connect: "127.0.0.1:8000", "[::]:8000" (every interface) or "unix:/run/sidegate.sock".
        /// A list is allowed.
        listen: Vec<Listen> = ["127.0.0.1:8000"] => "127.0.0.1:8000";
        /// What the browser sees: http or https, a host and perhaps a port. With https the settings below that
        /// say "auto" are strict; plain http is for this machine alone.
        public_url: PublicUrl = "http://127.0.0.1:8000";
        /// Proxies in front of the gate, as networks ("10.0.0.0/8", "192.0.2.1") or "unix", whose X-Forwarded-*
        /// and Forwarded headers are believed. Name nobody who isn't one.
        trusted_proxies: Vec<Trusted> = [];
        /// Whether connections from `trusted_proxies` begin with the PROXY protocol's header (version 1 or 2), as load balancers
        /// send it: the address it tells is then the client's. One without a header is closed.
        proxy_protocol: bool = false;
        /// For how long browsers that came by https use nothing else (Strict-Transport-Security): "365d"; empty: nothing is said
        /// of it. It stands on every answer where `public_url` is https or the request came by TLS, and else on none; only what
        /// is no HTTP gets its 400 or 431 without it. A backend's own is left as it is. Browsers remember it: begin with
        /// "1h", and take it back with "0s".
        hsts: Option<Duration> = "" => "365d";
        /// Whether all hosts below the gate's own are meant, too: then each of them needs https.
        hsts_subdomains: bool = false;
        /// Threads that serve; 0: one for each core of the CPU quota.
        workers: usize = 0;
        /// How long an idle connection is kept.
        keep_alive: Duration = "75s";
        /// How long running requests may go on after the signal to stop; keep it below Docker's 10 s.
        shutdown_grace: Duration = "8s";
    }

    /// TLS for clients, on every TCP address; without these keys plain HTTP is spoken. The files are read again when they
    /// change.
    server_tls in "server.tls": ServerTls {
        /// The certificate and its chain, PEM. A list for several names: a client gets the first that is for the name it asks
        /// for, else the first of all.
        cert: Vec<PathBuf> = [] => "cert.pem";
        /// The certificate's private key, PEM; as many as there are certificates, in their order.
        key: Vec<PathBuf> = [] => "key.pem";
    }

    /// The backend that the gate stands in front of.
    upstream: Upstream {
        /// Where requests go: "http://host:port", "https://host:port" (TLS; HTTP/2 where the backend agrees to it, else
        /// HTTP/1.1), "unix:/path", or "h2c://host:port" for a backend that speaks HTTP/2 in plain text without being asked
        /// first, as gRPC servers do (WebSockets don't go through there). The one key that must be given. A name is resolved
        /// again while it is in use; its addresses share the connections, and one that can't be connected to is left out until
        /// it can.
        url: Option<UpstreamTarget> = "" => "http://127.0.0.1:9000";
        /// The Host header that the backend sees: "preserve" (the client's) or "upstream" (the one in `url`).
        host_header: HostHeader = "preserve";
        /// Whether HTTP/2 is offered to an "https:" backend. Its WebSockets go over connections of their own, in HTTP/1.1.
        http2: bool = true;
        /// Who vouches for an "https:" backend: a PEM file with their certificates; empty: whom the system trusts. The check
        /// can't be turned off. This file and the next two are read again when they change.
        ca_file: Option<PathBuf> = "" => "ca.pem";
        /// The certificate that is shown to an "https:" backend that asks for one; empty: none.
        client_cert: Option<PathBuf> = "" => "gate.pem";
        /// Its private key.
        client_key: Option<PathBuf> = "" => "gate.key";
        /// The name that an "https:" backend's certificate must have; empty: the host in `url`.
        server_name: Option<String> = "" => "backend.internal";
        /// How long connecting may take, all addresses of a name together.
        connect_timeout: Duration = "5s";
        /// How long the backend may take until its answer begins.
        response_timeout: Duration = "60s";
        /// How long a body, a WebSocket or an event stream may be silent.
        idle_timeout: Duration = "5m";
    }

    /// Where users and sessions are kept.
    database: Database {
        /// "redb:FILE"; the file is made at the first start, readable for its owner alone.
        url: DatabaseUrl = "redb:sidegate.redb";
    }

    /// The tokens that a signed-in browser holds.
    tokens: Tokens {
        /// How access tokens are signed: "EdDSA", "ES256" or "RS256" (keys are made and kept in the database), or
        /// "HS256" (with `secret`).
        algorithm: Algorithm = "EdDSA";
        /// HS256's secret, 32 bytes or more; giving it selects HS256. Make one with `openssl rand -base64 48`.
        secret: Option<Secret<String>> = "";
        /// How long an access token is good.
        access_ttl: Duration = "15m";
        /// How long a session lasts since it was last used.
        refresh_ttl: Duration = "30d";
        /// How long a session lasts since sign-in, whatever its use.
        session_ttl: Duration = "90d";
        /// How old a signing key becomes before a new one takes its place (an hour or more); empty: until
        /// `sidegate keys rotate`. Not with "HS256".
        rotate_keys: Option<Duration> = "" => "90d";
        /// "cookie": both tokens are cookies. "body": the access token comes in the answer's body and requests
        /// carry it as "Authorization: Bearer"; the refresh token is a cookie. Where a rule opens (anyone, optional),
        /// the backend gets a bearer that isn't the gate's.
        delivery: Delivery = "cookie";
        /// Renews an expired access token in passing when the request has a good refresh cookie.
        silent_refresh: bool = true;
        /// The tokens' `iss`; empty: one that is made at the first start and kept in the database.
        issuer: Option<String> = "";
        /// The tokens' `aud`; empty: none.
        audience: Option<String> = "";
    }

    /// The cookies that carry the tokens.
    cookies: Cookies {
        /// The access token's cookie.
        access: CookieName = "access_token";
        /// The refresh token's cookie.
        refresh: CookieName = "refresh_token";
        /// The cookie by which a browser is known that has signed in to an account before: others' wrong passwords never
        /// keep its owner out. It opens nothing; empty: none.
        device: Option<CookieName> = "device_token";
        /// Whether cookies are Secure: true, false, or "auto": when `server.public_url` is https or the request
        /// came by TLS.
        secure: Auto = "auto";
        /// "lax", "strict" or "none" (which needs `secure`).
        same_site: SameSite = "lax";
        /// The cookies' Domain, for several hosts of one site; empty: the gate's host alone.
        domain: Option<Domain> = "";
        /// Names the two tokens' cookies __Host-…, which ties them to this host; needs https.
        host_prefix: bool = false;
    }

    /// What the backend is told of a signed-in user, in headers that no client can set. An empty name turns one off.
    identity: Identity {
        /// The user's number; always sent.
        user_id: Option<IdentityHeader> = "X-User-Id";
        /// The user's e-mail address as they gave it, proven or not: what is not printable ASCII, and `%`, is percent-encoded
        /// UTF-8. How to read these headers, and when not to believe them: docs/identity.md.
        email: Option<IdentityHeader> = "" => "X-User-Email";
        /// The user's name, which others may have too; written likewise.
        username: Option<IdentityHeader> = "" => "X-User-Name";
        /// The user's roles, comma separated.
        roles: Option<IdentityHeader> = "" => "X-User-Roles";
        /// The access token itself, for a backend that checks it.
        token: Option<IdentityHeader> = "" => "X-User-Token";
    }

    /// For a front proxy that asks `/auth/verify` about each request (`docs/front-proxies/` has a file for each).
    verify: Verify {
        /// Which headers of a proxy in `server.trusted_proxies` tell the original request: "forwarded"
        /// (X-Forwarded-Method, -Host, -Uri: Caddy, Traefik, Envoy, HAProxy) or "original" (X-Original-Method, -URL: nginx,
        /// which is answered 401 with a Location where others are answered 303). Both kinds at once must agree.
        source: VerifySource = "forwarded";
    }

    /// Web pages on other origins that may call the gate.
    cors: Cors {
        /// Origins that may call with cookies; each by name, never "*".
        origins: Vec<Origin> = ["http://127.0.0.1:5500"];
        /// Answers CORS for the backend's paths too; else that is the backend's to do.
        proxied: bool = false;
    }

    /// Who may have an account.
    signup: Signup {
        /// Whether anybody may sign up.
        open: bool = true;
        /// Whether an address must be proven by a link that is mailed to it, before more than `/auth/*` is open; needs [email]. It
        /// holds for those who are there already, too: each of them proves theirs at the next visit.
        email_verification: bool = false;
        /// Domains whose addresses may sign up ("example.com"); empty: all.
        allowed_domains: Vec<Domain> = [];
    }

    /// Passwords and what hashing them may cost.
    passwords: Passwords {
        /// The shortest password, in characters.
        min_length: usize = 8;
        /// Refuses the most used passwords: true, false, or "auto": when `server.public_url` is https.
        block_common: Auto = "auto";
        /// Argon2id's memory, passes and lanes. Older hashes are renewed at sign-in.
        memory: Size = "19MiB";
        /// Argon2id's passes.
        iterations: usize = 2;
        /// Argon2id's lanes.
        parallelism: usize = 1;
        /// Threads for hashing; 0: half the cores, at least 1, and of a container's CPU quota half.
        workers: usize = 0;
        /// Sign-ins that may wait for a thread; beyond, the answer is 503 with Retry-After.
        queue: usize = 64;
    }

    /// What a client may ask for.
    limits: Limits {
        /// Failed sign-ins for one account from one address; and ten times that for one address. Five times as many for
        /// one account from all addresses cost nothing; then each further one has to wait, from 1 s up to this rate's time.
        signin_failures: Rate = "10/15m";
        /// Sign-ups from one address; and, counted apart, mails that are asked for from there.
        signup: Rate = "20/1h";
        /// The largest body of an `/auth/*` request. Bodies for the backend have no limit.
        body: Size = "64KiB";
        /// The largest head of a request.
        header_bytes: Size = "32KiB";
        /// How long a request's head may take.
        header_timeout: Duration = "10s";
        /// Clients' connections at once, WebSockets included; beyond, the answer is 503.
        connections: usize = 10000;
        /// HTTP/2 streams at once on a connection.
        streams: usize = 128;
    }

    /// How mail is sent; without this section none is.
    email: Mail {
        /// The server: "smtps://host" (TLS from the start, port 465) or "smtp://host" (port 587 with a username, else 25), each
        /// with another port where it has one. With "smtp:" STARTTLS is used where the server offers it; without it nothing is
        /// sent to another machine where a password is set, nor anywhere where "?tls=required" stands behind. "?tls=none"
        /// never uses it, and allows a password to this machine alone. Certificates are verified in any case.
        smtp: Option<SmtpUrl> = "" => "smtp://localhost:1025";
        /// Who mail comes from.
        from: Option<Email> = "" => "auth@example.com";
        /// The user at the server; empty: with a password `from`, else none.
        username: String = "";
        /// Their password.
        password: Option<Secret<String>> = "";
        /// Who vouches for the server: a PEM file with their certificates; empty: whom the system trusts. The check can't be
        /// turned off. The file is read for each mail.
        ca_file: Option<PathBuf> = "" => "mail-ca.pem";
    }

    /// The gate's own pages: `/auth/login` and the others, to which browsers are sent.
    pages: Pages {
        /// Whether there are any; without them a browser gets a 401 like everybody else.
        enabled: bool = true;
        /// The sign-in page's title.
        title: String = "Sign in";
    }

    /// For whoever operates the gate.
    admin: Admin {
        /// Where `/healthz`, `/readyz` and `/metrics` are; empty: nowhere.
        listen: Option<SocketAddr> = "127.0.0.1:9900";
        /// The socket that `sidegate users` and the like talk to; empty: the database's file + ".sock".
        socket: Option<PathBuf> = "" => "sidegate.redb.sock";
    }

    /// What is written to the log.
    log: Log {
        /// "text" for people or "json" for programs.
        format: LogFormat = "text";
        /// "error", "warn", "info", "debug" or "trace".
        level: tracing::Level = "info";
        /// Whether each request is logged.
        access: bool = true;
        /// A file that gets one JSON line for each sign-in, sign-out and the like; empty: none.
        audit: Option<PathBuf> = "" => "audit.jsonl";
    }
}

/// Sections that are no plain list of keys, in the file's order: `[upstreams.NAME]`, which `upstreams` reads, and `[[rules]]`,
/// which `rules` reads.
pub(super) const LATER: &[Later] = &[
    Later {
        path: "upstreams",
        header: "[upstreams.api]",
        after: "upstream",
        doc: &[
            " Further backends, a section for each, with a name of its own: a rule with `upstream = \"api\"` sends there what it lets",
            " pass. The keys and defaults are those of `[upstream]`, which gets everything else. Only in the file, never a variable.",
        ],
        keys: &[(
            "url",
            "\"http://127.0.0.1:9001\"",
            "Required; every other key of [upstream] may be set here, too.",
        )],
    },
    Later {
        path: "rules",
        header: "[[rules]]",
        after: "identity",
        doc: &[
            " Who may ask for which paths, a `[[rules]]` for each rule: the first that matches decides, and where none does a",
            " request must be signed in. Only in the file, never a variable. Paths are written without escapes and compared with",
            " their case; `/public/*` is about everything below `/public/`, not about `/public`; `/api/*/public` leaves one segment",
            " open. `/auth/*` is never a rule's matter.",
            " A path that can be read in several ways (`..`, `//`, `%2F` and the like) matches no rule that opens, and is judged",
            " as strictly as the strictest of its readings. `sidegate check --explain \"GET /path\"` says which rule decides.",
        ],
        keys: &[
            (
                "path",
                "\"/public/*\"",
                "An exact path, or a prefix that ends in /*; a segment * is any one (an empty one where the rule does not open).",
            ),
            (
                "host",
                "\"app.example.com\"",
                "Absent: any. One or a list, without port; a trusted proxy's X-Forwarded-Host counts, which it has to set itself.",
            ),
            ("methods", "[\"GET\"]", "Absent: any. GET covers HEAD."),
            (
                "allow",
                "\"anyone\"",
                "\"anyone\", \"optional\" (everybody, and the backend is told who is signed in), \"signed-in\" or \"deny\".",
            ),
            ("roles", "[]", "With \"signed-in\": any one of these; empty: whoever is signed in."),
            (
                "upstream",
                "\"api\"",
                "The name of an [upstreams.NAME] that gets what passes; absent: [upstream] does.",
            ),
            (
                "strip_prefix",
                "\"/api\"",
                "What the backend doesn't see of the path's beginning; absent: nothing. A path that can be read in several ways is refused.",
            ),
        ],
    },
];
