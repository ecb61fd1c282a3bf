//! What Argon2 allows on this machine now: hashes with the gate's default parameters and nothing else to do.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

/// `passwords.memory`, `iterations` and `parallelism` as they are by default.
const PARAMETERS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Hashes per second on that many threads.
pub(crate) fn per_second(threads: usize, length: Duration) -> Result<f64, Box<dyn Error>> {
    let (memory, iterations, lanes) = PARAMETERS;
    let params = Params::new(memory, iterations, lanes, Some(32)).map_err(|error| error.to_string())?;
    let rates: Vec<f64> = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(|| one_thread(&params, length))).collect();
        all.into_iter().map(|one| one.join().unwrap_or(0.0)).collect()
    });
    Ok(rates.iter().sum())
}

fn one_thread(params: &Params, length: Duration) -> f64 {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let (mut blocks, mut output) = (vec![Block::new(); params.block_count()], [0; 32]);
    let (mut count, start) = (0_u32, Instant::now());
    while start.elapsed() < length {
        if argon2
            .hash_password_into_with_memory(b"not the password", &[7; 16], &mut output, &mut blocks)
            .is_err()
        {
            return 0.0;
        }
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
