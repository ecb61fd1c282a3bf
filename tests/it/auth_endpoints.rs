//! auth_endpoints
