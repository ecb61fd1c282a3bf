//! Passwords are hashed on threads of their own.
