//! What a `User-Agent` is for people: "Firefox on Linux". A name of our own words or of a few harmless characters,
//! whatever was sent, since it is the sender's to choose and a page will show it.
//!
//! The table is ours, for what parsers know more is what browsers no longer tell: versions are frozen (Windows 11 says
//! that it is 10), and the device's make is gone from most.

/// For what says nothing of itself.
const UNKNOWN: &str = "Unknown device";

/// The longest name of a program that is repeated, in bytes.
const MAX_PRODUCT: usize = 32;

/// What a browser says, and what it is called. The first that is found holds: all others say `Chrome`, and Chrome
/// says `Safari`.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPiOS/", "Opera"),
    ("Opera/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("UCBrowser/", "UC Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
    ("Safari/", "Safari"),
];

/// What a system says, and what it is called. The first that is found holds: Windows Phone said `Android` and
/// `iPhone`, Android says `Linux`, iPhones say `Mac OS X`. An iPad that asks for desktop pages says that it is a Mac, and
/// is taken at its word.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows Phone", "Windows Phone"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("iPod", "iPod"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Mac OS X", "Mac"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
];

/// The name of the device that says this of itself.
pub fn name(agent: &str) -> String {
    let system = found(SYSTEMS, agent);
    let what = if is_robot(agent) {
        Some("Bot")
    } else {
        // Programs name themselves first; everything that shows pages says `Mozilla` there.
        found(BROWSERS, agent).or_else(|| program(agent))
    };
    match (what, system) {
        (Some(what), Some(system)) => format!("{what} on {system}"),
        (Some(what), None) => what.to_owned(),
        (None, Some(system)) => format!("Browser on {system}"),
        (None, None) => UNKNOWN.to_owned(),
    }
}

fn found(table: &[(&str, &'static str)], agent: &str) -> Option<&'static str> {
    table.iter().find(|(said, _)| agent.contains(said)).map(|(_, name)| *name)
}

/// By `…bot/2.1`, as they call themselves; a phone of the make Cubot is none.
fn is_robot(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    ["bot/", "crawler", "spider"].iter().any(|said| agent.contains(said))
}

/// The product that stands first (RFC 9110 section 10.1.5), where it is a word: `curl/8.16.0` is `curl`.
fn program(agent: &str) -> Option<&str> {
    let product = agent.split(['/', ' ']).next()?;
    let is_word = product.starts_with(|first: char| first.is_ascii_alphabetic())
        && product.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
    (is_word && product.len() <= MAX_PRODUCT && product != "Mozilla").then_some(product)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
    const IOS_WEBKIT: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko)";

    #[test]
    fn todays_browsers_have_the_name_that_their_people_know() {
        for (system, rest, expected) in [
            ("X11; Linux x86_64; rv:145.0", "Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            ("Windows NT 10.0; Win64; x64; rv:145.0", "Gecko/20100101 Firefox/145.0", "Firefox on Windows"),
            ("Android 15; Mobile; rv:145.0", "Gecko/145.0 Firefox/145.0", "Firefox on Android"),
            ("Windows NT 10.0; Win64; x64", "{} Chrome/142.0.0.0 Safari/537.36", "Chrome on Windows"),
            ("Macintosh; Intel Mac OS X 10_15_7", "{} Chrome/142.0.0.0 Safari/537.36", "Chrome on Mac"),
            ("X11; Linux x86_64", "{} Chrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
            ("X11; CrOS x86_64 14541.0.0", "{} Chrome/142.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
            ("Linux; Android 10; K", "{} Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
            ("X11; Linux x86_64", "{} HeadlessChrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
            // A WebView, and a phone of the make Cubot.
            (
                "Linux; Android 14; wv",
                "{} Version/4.0 Chrome/142.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("Linux; Android 10; CUBOT NOTE 20", "{} Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
            (
                "Windows NT 10.0; Win64; x64",
                "{} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Linux; Android 10; Pixel 3",
                "{} Chrome/142.0 Mobile Safari/537.36 EdgA/142.0",
                "Edge on Android",
            ),
            (
                "Windows NT 10.0; Win64; x64",
                "{} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0",
                "Opera on Windows",
            ),
            (
                "Linux; Android 10; K",
                "{} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            ("X11; Linux x86_64", "{} Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6", "Vivaldi on Linux"),
            ("Windows NT 10.0; WOW64; Trident/7.0; rv:11.0", "like Gecko", "Internet Explorer on Windows"),
        ] {
            let agent = format!("Mozilla/5.0 ({system}) {}", rest.replace("{}", WEBKIT));
            assert_eq!(name(&agent), expected, "{agent}");
        }
    }

    #[test]
    fn apples_devices_are_told_apart_as_far_as_they_say() {
        for (system, rest, expected) in [
            ("Macintosh; Intel Mac OS X 10_15_7", "Version/26.0 Safari/605.1.15", "Safari on Mac"),
            (
                "iPhone; CPU iPhone OS 18_6 like Mac OS X",
                "Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("iPad; CPU OS 18_6 like Mac OS X", "Version/18.6 Mobile/15E148 Safari/604.1", "Safari on iPad"),
            (
                "iPhone; CPU iPhone OS 18_6 like Mac OS X",
                "CriOS/142.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "iPhone; CPU iPhone OS 18_7 like Mac OS X",
                "FxiOS/145.0 Mobile/15E148 Safari/605.1",
                "Firefox on iPhone",
            ),
            ("iPad; CPU OS 18_6 like Mac OS X", "Version/18.0 EdgiOS/142.0 Safari/604.1", "Edge on iPad"),
        ] {
            let agent = format!("Mozilla/5.0 ({system}) {IOS_WEBKIT} {rest}");
            assert_eq!(name(&agent), expected, "{agent}");
        }
    }

    #[test]
    fn programs_and_robots_are_called_what_they_are() {
        for (agent, expected) in [
            ("curl/8.16.0", "curl"),
            ("python-requests/2.32.5", "python-requests"),
            ("okhttp/5.1.0", "okhttp"),
            ("Go-http-client/2.0", "Go-http-client"),
            ("PostmanRuntime/7.49.1", "PostmanRuntime"),
            ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)", "Dalvik on Android"),
            ("MyApp 1.0", "MyApp"),
            ("Opera/9.80 (X11; Linux i686) Presto/2.12.388", "Opera on Linux"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Bot"),
            ("Mozilla/5.0 (X11; Linux x86_64) Something/1.0", "Browser on Linux"),
            ("Mozilla/5.0", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(name(agent), expected, "{agent}");
        }
    }

    #[test]
    fn nothing_that_a_page_would_read_as_more_than_text_comes_through() {
        for agent in [
            "<script>alert(1)</script>",
            "x<img src=x onerror=alert(1)>/1",
            "\u{1b}[2J/1",
            "a\r\nb",
            "\u{202e}evil/1",
            "9000/1",
            "&lt;/1",
            &"a".repeat(MAX_PRODUCT + 1),
        ] {
            assert_eq!(name(agent), UNKNOWN, "{agent:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_short_and_plain_whatever_was_sent(agent in any::<String>(), start in "[a-z]{0,40}/") {
            for agent in [agent.clone(), format!("{start}{agent}"), format!("Firefox/{agent} Linux")] {
                let name = name(&agent);
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_.+".contains(&byte);
                prop_assert!(!name.is_empty() && name.len() <= 64 && name.bytes().all(is_plain), "{name:?}");
            }
        }
    }
}
