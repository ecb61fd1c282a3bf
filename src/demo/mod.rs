//! `sidegate demo`: a backend, the gate before it and the test page, without any configuration.

mod error;
mod gate;
mod page_server;
mod seen;
mod serve;
mod ticks;
mod upstream;
mod websocket;

use std::future::poll_fn;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;

pub use error::DemoError;

use crate::types::Clock;

/// What the command line may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gate's port (`--port`); 0: a free one.
    pub gate_port: u16,
    /// The test page's port (`--page-port`); 0: a free one.
    pub page_port: u16,
    /// The demo upstream's port (`--upstream-port`); 0: a free one.
    pub upstream_port: u16,
    /// Where users are kept (`--data`); absent: in a temporary folder that goes when the demo ends.
    pub data: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { gate_port: 8000, page_port: 5500, upstream_port: 0, data: None }
    }
}

/// Starts everything, says on `out` what to open, and goes on until `stop` is ready.
pub fn run(options: &Options, out: &mut dyn Write, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
    let clock = Clock::system();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DemoError::Runtime)?;
    let (upstream, page) = runtime.block_on(async {
        let upstream = serve::bind(options.upstream_port, "--upstream-port").await?;
        let page = serve::bind(options.page_port, "--page-port").await?;
        Ok::<_, DemoError>((upstream, page))
    })?;
    let page_origin = serve::origin(&page)?;
    let gate = gate::start(options, &serve::origin(&upstream)?, &page_origin, clock.clone())?;

    runtime.block_on(async {
        tokio::spawn(upstream::run(upstream, clock));
        tokio::spawn(page_server::run(page, page_origin.clone(), gate.origin().to_owned()));
        // From here on what stops the demo does so in order, also while the lines are being read.
        let mut stop = pin!(stop);
        let stopped = poll_fn(|cx| Poll::Ready(stop.as_mut().poll(cx).is_ready())).await;
        welcome(out, &page_origin, &gate).map_err(DemoError::Output)?;
        if !stopped {
            stop.await;
        }
        // The upstream must go on answering while the gate finishes what runs.
        tokio::task::spawn_blocking(move || gate.stop()).await.map_err(|_panicked| DemoError::Stop)
    })
}

/// The three lines that a newcomer needs.
fn welcome(out: &mut dyn Write, page: &str, gate: &gate::DemoGate) -> std::io::Result<()> {
    writeln!(out, "Open  {page}/test.html  to sign up, sign in and call the backend")?;
    writeln!(out, "Open  {}/  to meet the gate as a page in front of the backend", gate.origin())?;
    writeln!(out, "Stop  with Ctrl-C; {}", gate.keeping())?;
    out.flush()
}
