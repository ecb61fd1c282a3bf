//! Free ports of this machine, for programs that have to be told one.

use std::net::TcpListener;

/// A port of 127.0.0.1 that nobody listens on now. Another process may take it before its owner does; then its owner
/// fails to start and says so.
pub(crate) fn free() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
    listener.local_addr().expect("a listener has an address").port()
}
