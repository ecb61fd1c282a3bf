//! The newtypes everything else is written in: each has one way in, and inner code can't hold a bad one.

pub mod clock;
pub mod email;
pub mod host;
pub mod ids;
pub mod password;
pub mod path_prefix;
pub mod reference;
pub mod rule_path;
pub mod secret;
pub mod username;

pub use clock::{Clock, Timestamp};
pub use email::{Email, EmailKey};
pub use host::{AskedHost, RuleHost, is_plain};
pub use ids::{DeviceId, Role, SessionId, UserId};
pub use password::{Password, PasswordHash};
pub use path_prefix::PathPrefix;
pub use reference::UserRef;
pub use rule_path::RulePath;
pub use secret::Secret;
pub use username::Username;
