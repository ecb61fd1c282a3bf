//! What holds of every store where a user has as many sessions as they may.

use sidegate::store::{MOST_SESSIONS, Rotated, Seen, Session, Started};
use sidegate::types::SessionId;

use super::{Open, Redb};
use crate::store::people::{at, id, session, started, user};

suite!(of_too_many_sessions_the_least_recently_used_make_room);

/// Seen: 180,000 sessions of one account, whose list took a worker 1.3 s and whose end held the writer for 2.9 s.
async fn of_too_many_sessions_the_least_recently_used_make_room(open: Open<'_>) {
    let store = open();
    let (jack, jill) = (user(&*store, "jack@example.com").await, user(&*store, "jill@example.com").await);
    started(&*store, jill.id, 255).await;
    let numbered = |number: u16| {
        let mut id = [0; SessionId::LEN];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let issued = at(2000 + u64::from(number));
        Session { id: SessionId::from_bytes(id), started: issued, issued, ..session(jack.id, 0) }
    };
    let most = u16::try_from(MOST_SESSIONS).unwrap();
    let begin = async |session: Session, replaces| {
        let begun = store.start_session(session, Seen::of(&jack), replaces, at(9000)).await.unwrap();
        let Started::Live { ended } = begun else { panic!("{begun:?}") };
        ended
    };
    for number in 0..most {
        assert_eq!(begin(numbered(number), None).await, []);
    }
    // One that is used again is no longer the one that was used least recently, be it renewed or seen.
    let renewed = Session { generation: 2, issued: at(5000), ..numbered(0) };
    assert!(matches!(store.rotate(1, renewed).await, Ok(Rotated::Done(_))));
    store.note_presented(numbered(1).id, 1, at(5000)).await.unwrap();
    assert_eq!(begin(numbered(most), None).await, [numbered(2).id]);
    assert_eq!(begin(numbered(most + 1), Some(numbered(9).id)).await, [numbered(9).id], "there is room");
    assert_eq!(begin(numbered(most + 2), Some(id(255))).await, [id(255), numbered(3).id]);
    let living = store.sessions_of(jack.id).await.unwrap();
    assert_eq!(living.len(), MOST_SESSIONS);
    assert!(living.iter().any(|session| session.id == numbered(0).id));
    drop(store);
    let revoked: Vec<_> =
        open().revoked(at(0)).await.unwrap().iter().map(|revoked| revoked.session).collect();
    assert_eq!(revoked, [numbered(2).id, numbered(3).id, numbered(9).id, id(255)], "it is on the disk");
}
