//! Connections that have been answered once and idle from then on.

use std::error::Error;
use std::io::{self, Write as _};

use super::client::Target;

/// Opens so many at each step, one request on each, and says how many are there; the next step begins with a line of the standard input,
/// and all of them end after the last one. One request at a time, so that the proxy needs one connection to its backend.
pub(super) async fn hold(target: &Target, steps: [usize; 2]) -> Result<(), Box<dyn Error>> {
    let mut kept = Vec::with_capacity(steps.iter().sum());
    for connections in steps {
        for _ in 0..connections {
            let mut client = target.connect().await?;
            client.ask("GET /api/items/42?page=3", "").await?;
            let head = client.head("200").await?;
            client.body(&head).await?;
            kept.push(client.stream);
        }
        writeln!(io::stdout(), "{}", kept.len())?;
        io::stdin().read_line(&mut String::new())?;
    }
    drop(kept);
    Ok(())
}
