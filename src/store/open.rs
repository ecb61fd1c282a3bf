//! Chooses the backend by the settings' URL.
