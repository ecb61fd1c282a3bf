//! How much and how long: durations, sizes, rates.

use std::time::Duration;

use bytesize::ByteSize;

use super::raw::{Fault, Raw, Value, quote};
use super::settings::Rate;

/// Units of time from the longest; a day is 24 hours.
pub(super) const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Units of sizes: bytes, thousands and powers of 1024 of them.
pub(super) const SIZES: [&str; 7] = ["B", "KB", "MB", "GB", "KiB", "MiB", "GiB"];

/// Beyond ten years a duration is a slip of the pen, and clocks would overflow somewhere.
const LONGEST: Duration = Duration::from_hours(3650 * 24);

impl Value for Duration {
    const LOOKS: &'static str = "a duration such as `\"15m\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        if text.parse::<u64>().is_ok() {
            let fault = Fault::new(format!("`{text}` has no unit"));
            return Err(fault.hint(format!("write it like `\"{text}s\"`, `\"{text}m\"` or `\"{text}h\"`")));
        }
        let duration = duration(text).ok_or_else(|| {
            Fault::new(format!("`{text}` is not a duration"))
                .hint("write it like `\"15m\"`, `\"1h30m\"` or `\"90d\"`")
        })?;
        if duration > LONGEST {
            return Err(
                Fault::new(format!("`{text}` is longer than ten years")).hint("write at most `\"3650d\"`")
            );
        }
        Ok(duration)
    }

    fn show(&self) -> String {
        quote(&show_duration(*self))
    }

    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Text(text) | Raw::Variable(text) => Value::parse(text).map_err(|fault| vec![fault]),
            Raw::Number(number) => Value::parse(&number.to_string()).map_err(|fault| vec![fault]),
            other => Err(vec![Fault::wrong_type(Self::LOOKS, other)]),
        }
    }
}

/// Numbers with units, each unit once, from the longest to the shortest: `1h30m`.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = &after[..after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len())];
        let index = units.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(units[index].1)?)?;
        (rest, units) = (&after[unit.len()..], &units[index + 1..]);
    }
    (!text.is_empty()).then_some(Duration::from_millis(total))
}

/// A duration as it is written, in the longest unit that says it exactly.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match UNITS.iter().find(|(_, unit)| millis >= *unit && millis % unit == 0) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => "0s".to_owned(),
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size(pub(super) u64);

impl Value for Size {
    const LOOKS: &'static str = "a size such as `\"1MiB\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let unit = &text[digits..];
        if digits > 0 && unit.is_empty() {
            let fault = Fault::new(format!("`{text}` has no unit"));
            return Err(
                fault.hint(format!("write it like `\"{text}B\"`, `\"{text}KiB\"` or `\"{text}MiB\"`"))
            );
        }
        // `bytesize` also takes fractions and single letters, which say less than they seem to.
        let known = SIZES.iter().any(|name| name.eq_ignore_ascii_case(unit));
        match text.parse::<ByteSize>() {
            Ok(size) if known && digits > 0 => Ok(Self(size.as_u64())),
            _ => {
                Err(Fault::new(format!("`{text}` is not a size"))
                    .hint("write it like `\"64KiB\"` or `\"1MiB\"`"))
            }
        }
    }

    fn show(&self) -> String {
        let unit = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
            .into_iter()
            .find(|(bytes, _)| self.0 >= *bytes && self.0.is_multiple_of(*bytes));
        let (bytes, unit) = unit.unwrap_or((1, "B"));
        quote(&format!("{}{unit}", self.0 / bytes))
    }

    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Text(text) | Raw::Variable(text) => Self::parse(text).map_err(|fault| vec![fault]),
            Raw::Number(number) => Self::parse(&number.to_string()).map_err(|fault| vec![fault]),
            other => Err(vec![Fault::wrong_type(Self::LOOKS, other)]),
        }
    }
}

impl Value for Rate {
    const LOOKS: &'static str = "a rate such as `\"10/15m\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let rate = text.split_once('/').and_then(|(count, per)| {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            let per = duration(per).filter(|per| (Duration::from_millis(1)..=LONGEST).contains(per))?;
            Some(Self { count, per })
        });
        rate.ok_or_else(|| {
            let hint = "write how many in how long, like `\"10/15m\"`";
            Fault::new(format!("`{text}` is not a rate")).hint(hint)
        })
    }

    fn show(&self) -> String {
        quote(&format!("{}/{}", self.count, show_duration(self.per)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_falling_units() {
        for (text, millis) in [
            ("0s", 0),
            ("200ms", 200),
            ("75s", 75_000),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("90d", 7_776_000_000),
            ("1d1h1m1s1ms", 90_061_001),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text:?}");
            assert_eq!(
                duration(&show_duration(Duration::from_millis(millis))),
                Some(Duration::from_millis(millis))
            );
        }
        for bad in
            ["", "15", "m", "-5s", "+5s", "1.5h", "1 h", "30m1h", "1h1h", "5S", "1w", "1y", "99999999999999d"]
        {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
        assert!(<Duration as Value>::parse("3651d").is_err());
        assert_eq!(
            ["75s", "1h30m", "24h"].map(|text| duration(text).map(show_duration)),
            ["75s", "90m", "1d"].map(|text| Some(text.to_owned()))
        );
    }

    #[test]
    fn a_size_is_a_number_with_a_unit_in_bytes() {
        for (text, bytes) in
            [("0B", 0), ("64KiB", 65_536), ("1MiB", 1 << 20), ("1mib", 1 << 20), ("2kb", 2000)]
        {
            assert_eq!(Size::parse(text), Ok(Size(bytes)), "{text:?}");
        }
        for bad in ["", "1", "KiB", "-1KiB", "1.5MiB", "1K", "1 KiBs", "1 MiB"] {
            assert!(Size::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Size(65_536).show(), "\"64KiB\"");
        assert_eq!(Size(65_537).show(), "\"65537B\"");
    }

    #[test]
    fn a_rate_is_a_count_in_a_time() {
        let rate = Rate { count: 10, per: Duration::from_mins(15) };
        assert_eq!(Rate::parse("10/15m"), Ok(rate));
        assert_eq!(rate.show(), "\"10/15m\"");
        for bad in ["", "10", "10/", "/15m", "0/15m", "10/0s", "-1/1m", "10/15", "10/1h/2", "5000000000/1s"] {
            assert!(Rate::parse(bad).is_err(), "{bad:?}");
        }
    }
}
