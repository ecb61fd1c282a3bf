//! auth_limits
