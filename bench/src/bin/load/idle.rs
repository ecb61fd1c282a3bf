//! Connections that have been answered once and idle from then on.

use std::error::Error;
use std::io::{self, Read as _, Write as _};

use super::client::Target;

/// Opens them, one request on each, says so, and keeps them until the standard input ends. One request at a time, so that
/// the proxy needs one connection to its backend for all of them.
pub(super) async fn hold(target: &Target, connections: usize) -> Result<(), Box<dyn Error>> {
    let mut kept = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut client = target.connect().await?;
        client.ask("GET /api/items/42?page=3", "").await?;
        let head = client.head("200").await?;
        client.body(&head).await?;
        kept.push(client.stream);
    }
    writeln!(io::stdout(), "idle")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(kept);
    Ok(())
}
