//! How long mail may take, and when it is tried again.

use std::time::Duration;

/// How long mail may take, and when it is tried again.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long connecting to one of the server's addresses may take.
    pub connect: Duration,
    /// How long a whole letter may take, connecting included.
    pub letter: Duration,
    /// How long is waited before each further attempt; after the last one the letter is given up. People wait for these
    /// letters: after a quarter of an hour they have asked for another.
    pub retries: Vec<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            letter: Duration::from_mins(1),
            retries: [5, 30, 120, 600].map(Duration::from_secs).to_vec(),
        }
    }
}
