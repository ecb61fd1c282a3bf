//! `sidegate check --explain`: which rule decides over a request, and what the upstream would be told.

use std::path::Path;
use std::process::ExitCode;

use super::USAGE;
use crate::config::{self, Env, Settings, report};
use crate::gate::explain::{Asked, Asker, explain};

/// Explains what the gate does with `request`, asked for by `user` where one is named. Gives the text, what went wrong
/// included, and the exit code.
pub fn run(
    config: Option<&Path>,
    request: &str,
    user: Option<&str>,
    env: &dyn Env,
    folder: &Path,
) -> (String, ExitCode) {
    let Ok(asked) = Asked::parse(request) else {
        let text = format!(
            "error: `{}` is not a request\nhint: write a method and a path, like `--explain \"GET /path\"`\n",
            request.escape_debug()
        );
        return (text, ExitCode::from(USAGE));
    };
    let settings = match config::load(config, env, folder) {
        Ok(loaded) => loaded.settings,
        Err(findings) => return (report::findings(&findings), ExitCode::from(USAGE)),
    };
    match user.map(|user| look_up(&settings, user)).transpose() {
        Ok(asker) => (explain(&settings, &asked, asker.as_ref()), ExitCode::SUCCESS),
        Err(text) => (format!("error: {text}\n"), ExitCode::FAILURE),
    }
}

/// The user of an e-mail address, of the running gate or of the database.
fn look_up(_settings: &Settings, user: &str) -> Result<Asker, String> {
    Err(format!(
        "`{}` can't be looked up: this version has no administration\nhint: leave `--user` out; what is said then holds for everybody",
        user.escape_debug()
    ))
}
