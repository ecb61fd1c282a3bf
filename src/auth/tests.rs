//! Rules of `/auth/*` that need no server.
