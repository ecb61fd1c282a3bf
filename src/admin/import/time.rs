//! Moments as files write them: RFC 3339, SQL's form, and Unix seconds.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::types::Timestamp;

/// The last second that RFC 3339 can write. What lies beyond is most likely in milliseconds.
const LAST_SECOND: u64 = 253_402_207_200;

/// A moment since 1970, from RFC 3339 or from SQL's `2024-01-02 03:04:05.678`, which says no zone and is read as UTC.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) if is_without_zone(text) => TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
        Err(_) => return None,
    };
    u64::try_from(time.as_millisecond()).ok().map(Timestamp::from_millis)
}

/// From Unix seconds.
pub(super) fn from_seconds(seconds: i128) -> Option<Timestamp> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds < LAST_SECOND).map(Timestamp::from_secs)
}

/// A zone that jiff's civil times would skip over must not be.
fn is_without_zone(text: &str) -> bool {
    text.get(10..).is_some_and(|rest| !rest.contains(['+', '-', '[', 'Z', 'z']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_from_each_of_its_forms() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2024-01-02T03:04:05.678Z", 1_704_164_645_678),
            ("2024-01-02T03:04:05.678999Z", 1_704_164_645_678),
            ("2024-01-02T05:04:05.678+02:00", 1_704_164_645_678),
            ("2024-01-02 03:04:05.678+00", 1_704_164_645_678),
            ("2024-01-02 03:04:05", 1_704_164_645_000),
            (" 2024-01-02 03:04:05.678901 ", 1_704_164_645_678),
            ("2024-01-02", 1_704_153_600_000),
        ] {
            assert_eq!(read(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "1969-12-31T23:59:59Z",
            "2024-13-02 03:04:05",
            "2024-01-02T03:04:05+99:00",
            "1704164645",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(from_seconds(1_704_164_645), Some(Timestamp::from_secs(1_704_164_645)));
        assert_eq!(from_seconds(1_704_164_645_678), None);
        assert_eq!(from_seconds(-1), None);
    }

    #[test]
    fn a_moment_is_written_to_the_millisecond_and_the_last_one_can_be_written() {
        assert_eq!(Timestamp::from_millis(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_704_164_645_678).rfc3339(), "2024-01-02T03:04:05.678Z");
        assert!(Timestamp::from_millis(u64::MAX).rfc3339().starts_with("9999-12-30T"));
    }
}
