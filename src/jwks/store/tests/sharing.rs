//! What the workers share, where it is lost, and where it cannot be written.

use super::*;

#[test]
fn where_nothing_can_be_shared_every_worker_fetches_for_itself() {
    let mut story = Story::new(2);
    story.board.mood.set(Mood::Refuses);
    story.play(
        "alone",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 1, Beat, GET),
            (0.1, 0, Keys("a"), "ok!"),
            (0.1, 1, Ask("a"), "waits"),
            (0.1, 1, Keys("a"), "ok!"),
            (0.1, 1, Wake, "good"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Keys("ab"), "ok!"),
            (1.0, 0, Wake, "good"),
            (1.0, 1, Beat, ""),
            (1.0, 1, Ask("b"), "waits"),
        ],
    );
}

#[test]
fn who_always_comes_second_fetches_for_itself() {
    let mut story = Story::new(2);
    story.board.mood.set(Mood::Changes);
    story.play(
        "no turn for anyone",
        &[
            (0.0, 0, Ask("a"), "waits"),
            (0.0, 0, Beat, GET),
            (0.0, 0, Beat, ""),
            (0.0, 1, Beat, GET),
            (0.1, 0, Keys("a"), "ok!"),
            (0.1, 0, Wake, "good"),
            (0.1, 1, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(500), "status!"),
            (1.0, 0, Wake, "none for 1 s"),
            (1.0, 0, Ask("a"), "good"),
        ],
    );
}

#[test]
fn what_others_left_in_the_places_of_records_is_as_good_as_nothing() {
    let good = |change: &dyn Fn(String) -> String| {
        let mut story = Story::new(1);
        story.play("a record", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("a"), "ok!")]);
        let (name, (bytes, _)) =
            story.board.values.borrow().iter().next().map(|(n, v)| (n.clone(), v.clone())).unwrap();
        (name, change(String::from_utf8(bytes).unwrap()).into_bytes())
    };
    let rows: [(&str, (String, Vec<u8>)); 12] = [
        ("nothing", good(&|_| String::new())),
        ("another plugin's", good(&|_| "hello\nworld".to_owned())),
        ("no text", {
            let (name, _) = good(&|text| text);
            (name, vec![0xff; 4096])
        }),
        ("half of it", good(&|text| text[..text.len() / 2].to_owned())),
        ("no line", good(&|text| text.replace('\n', " "))),
        ("a member more", good(&|text| text.replacen('{', "{\"x\":1,", 1))),
        ("another form", good(&|text| text.replacen("\"postern\":1", "\"postern\":2", 1))),
        ("another issuer's", good(&|text| text.replace("https://a.test", "https://b.test"))),
        ("through another cluster", good(&|text| text.replace("\\na\"", "\\nb\""))),
        ("no keys", good(&|text| text.replace("Ed25519", "P-256"))),
        ("a negative time", good(&|text| text.replace("\"written_at\":1", "\"written_at\":-1"))),
        ("too large", good(&|text| text + &" ".repeat(400_000))),
    ];
    for (name, (place, value)) in rows {
        let mut story = Story::new(2);
        story.board.values.borrow_mut().insert(place, (value, 77));
        story.board.writes.set(77);
        story.play(
            name,
            &[
                (1.0, 0, Ask("a"), "waits"),
                (1.0, 0, Beat, GET),
                (1.0, 1, Beat, ""),
                (1.0, 0, Keys("ab"), "ok!"),
                (1.0, 1, Ask("b"), "good"),
            ],
        );
    }
}

#[test]
fn however_many_issuers_there_were_the_places_are_as_many_and_those_in_use_keep_theirs() {
    let board: Rc<Board> = Rc::default();
    let store = |name: &str, me: u64| {
        let uri = HttpUri::parse(&format!("https://{name}.test/keys")).unwrap();
        let source = Story::with(0, KeyLocation::Jwks(uri), None).source;
        KeyStore::new(&issuers(&source), &(Rc::clone(&board) as Rc<dyn SharedData>), me)
    };
    let fetch = |name: &str, now: f64| {
        let mut store = store(name, 1);
        let fetches = store.due(at(now)).fetches;
        assert_eq!(fetches.len(), 1, "{name} at {now}");
        let answer = Answer { status: 200, body: key_set("a").into_bytes(), ..Answer::default() };
        store.finish(&fetches[0], Ok(answer), at(now));
    };
    let live: Vec<String> = (0..20).map(|index| format!("live-{index}")).collect();
    for round in 0..100 {
        // Longer than keys last, so that all of them are fetched in each round.
        let now = f64::from(round) * 10_000.0;
        live.iter().for_each(|name| fetch(name, now));
        (0..50).for_each(|index| fetch(&format!("passing-{round}-{index}"), now + 1.0));
        for name in &live {
            assert_eq!(store(name, 2).due(at(now + 2.0)).fetches, [], "{name} in round {round}, by another worker");
        }
    }
    assert!(board.values.borrow().len() <= 256);
}

#[test]
fn who_has_keys_puts_them_back_where_they_were_lost() {
    let mut story = Story::new(2);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!"), (0.2, 1, Beat, "")]);
    lose(&story);
    story.play("by the beat of one", &[(1.1, 1, Beat, "")]);
    story.worker_comes();
    story.play("for one who comes later", &[(2.0, 2, Ask("a"), "good"), (2.0, 2, Beat, "")]);
    lose(&story);
    story.play("a fetch that nobody knows of any more is begun anew", &[(600.0, 0, Beat, GET), (600.0, 1, Beat, "")]);
    lose(&story);
    story.play(
        "by another one",
        &[(600.1, 1, Beat, GET), (600.2, 1, Keys("b"), "ok!"), (600.3, 0, Keys("b"), ""), (600.3, 0, Ask("b"), "good")],
    );
}

#[test]
fn who_could_not_write_goes_on_by_itself_and_leaves_the_attempt_of_another_one_alone() {
    let (shared, outrun) = (Mood::Fair, Mood::Changes);
    type Steps<'a> = &'a [(Mood, f64, usize, Event<'a>, &'a str)];
    let rows: [(&str, Steps<'_>); 3] = [
        (
            "his answer counts",
            &[
                (shared, 600.1, 0, Keys("b"), "ok!"),
                (shared, 600.2, 1, Keys("b"), ""),
                (shared, 600.3, 1, Ask("b"), "good"),
            ],
        ),
        ("so does the other's", &[(shared, 600.1, 1, Keys("b"), "ok!"), (shared, 600.1, 0, Ask("b"), "good")]),
        (
            "newer keys are the other's though he has tried as often",
            &[
                (outrun, 600.1, 0, Status(500), "status!"),
                (shared, 600.2, 1, Keys("b"), "ok!"),
                (shared, 600.2, 0, Ask("b"), "good"),
                (shared, 600.2, 0, Beat, ""),
            ],
        ),
    ];
    for (name, steps) in rows {
        let mut story = Story::new(2);
        story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!"), (0.2, 1, Beat, ""), (1.2, 0, Beat, "")]);
        story.board.mood.set(outrun);
        story.play(name, &[(600.0, 0, Beat, GET)]);
        story.board.mood.set(shared);
        story.play(name, &[(600.0, 1, Beat, GET), (600.0, 0, Beat, "")]);
        for (mood, seconds, worker, event, want) in steps {
            story.board.mood.set(*mood);
            assert_eq!(story.happen(*worker, event, at(*seconds)), *want, "{name}: at {seconds} s, worker {worker}");
        }
    }
}

/// Two workers with keys, and nothing that is shared can be read any more.
fn with_lost_keys() -> Story {
    let mut story = Story::new(2);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!"), (0.2, 1, Beat, "")]);
    lose(&story);
    story
}

#[test]
fn who_begins_without_keys_takes_nobody_those_he_has() {
    let mut story = with_lost_keys();
    story.worker_comes();
    story.play(
        "his first attempt fails",
        &[
            (0.5, 2, Beat, GET),
            (0.5, 2, Status(500), "status!"),
            (1.0, 0, Beat, ""),
            (1.0, 0, Ask("a"), "good"),
            (1.0, 2, Ask("a"), "good"),
        ],
    );
}

#[test]
fn who_was_outrun_while_he_put_keys_back_still_sees_what_the_others_do() {
    let mut story = with_lost_keys();
    story.board.mood.set(Mood::Changes);
    story.play("one is outrun", &[(1.0, 0, Beat, "")]);
    story.board.mood.set(Mood::Fair);
    story.play("the other is not", &[(1.0, 1, Beat, ""), (600.0, 1, Beat, GET), (600.0, 0, Beat, "")]);
}

/// All that is shared becomes what nobody can read.
fn lose(story: &Story) {
    story.board.values.borrow_mut().values_mut().for_each(|value| *value = (b"garbage".to_vec(), value.1 + 500));
    story.board.writes.set(story.board.writes.get() + 1000);
}

#[test]
fn who_waits_for_any_keys_goes_on_with_those_of_one_who_began_anew() {
    let mut story = Story::new(1);
    story.play(
        "one attempt has failed",
        &[(0.0, 0, Beat, GET), (0.0, 0, Status(500), "status!"), (0.1, 0, Ask("a"), "waits")],
    );
    lose(&story);
    story.worker_comes();
    story.play(
        "another one's succeeds, and is the first that it knows of",
        &[(0.2, 1, Beat, GET), (0.3, 1, Keys("a"), "ok!"), (0.4, 0, Beat, ""), (0.4, 0, Wake, "good")],
    );
}

#[test]
fn who_has_a_new_key_is_not_refused_because_older_keys_were_put_back() {
    let mut story = Story::new(1);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!")]);
    lose(&story);
    story.worker_comes();
    story.play("one who finds nothing", &[(5.0, 1, Ask("b"), "waits"), (5.0, 1, Beat, GET)]);
    story.play("and one who puts back", &[(5.1, 0, Beat, ""), (5.1, 1, Beat, "")]);
    assert_ne!(story.happen(1, &Wake, at(5.1)), "unknown");
}

#[test]
fn issuers_that_are_more_than_the_places_write_once_and_not_at_every_beat() {
    let board: Rc<Board> = Rc::default();
    let source = |index: usize| {
        let uri = HttpUri::parse(&format!("https://{index}.test/keys")).unwrap();
        Story::with(0, KeyLocation::Jwks(uri), None).source
    };
    let mut stores: Vec<KeyStore> = (0..300)
        .map(|index| KeyStore::new(&issuers(&source(index)), &(Rc::clone(&board) as Rc<dyn SharedData>), 1))
        .collect();
    let mut counts = vec![];
    for beat in 0..20 {
        let before = board.writes.get();
        let mut fetches = 0;
        for store in &mut stores {
            let now = at(f64::from(beat));
            for fetch in store.due(now).fetches {
                fetches += 1;
                let answer = Answer { status: 200, body: key_set("a").into_bytes(), ..Answer::default() };
                store.finish(&fetch, Ok(answer), now);
            }
        }
        counts.push((fetches, board.writes.get() - before));
    }
    assert!(counts[10..].iter().all(|(_, writes)| *writes < 10), "{counts:?}");
}

#[test]
fn who_could_not_write_once_tells_the_others_when_he_can() {
    for mood in [Mood::Changes, Mood::Refuses] {
        let mut story = Story::new(2);
        story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("ab"), "ok!"), (1.0, 1, Beat, "")]);
        story.play("one is withdrawn", &[(40.0, 0, Ask("z"), "waits"), (40.0, 0, Beat, GET)]);
        story.board.mood.set(mood);
        story.happen(0, &Keys("a"), at(40.1));
        story.board.mood.set(Mood::Fair);
        story.play("beats", &[(41.0, 0, Beat, ""), (41.0, 1, Beat, "")]);
        assert_ne!(story.happen(1, &Ask("b"), at(41.1)), "good");
    }
}
