//! Settings: as written, checked, as meant.
pub mod settings;
pub use settings::Settings;
