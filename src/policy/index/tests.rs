//! The index against a plain reading of one rule after the other, which is what it has to agree with.

use super::*;

/// Whether a request falls under a rule, as its text says it.
fn reading(rule: &Match, facts: &Facts<'_>) -> Result<bool, Doubt> {
    let hosts: Vec<Result<bool, Doubt>> = rule.hosts.iter().map(|pattern| host_reading(pattern, facts)).collect();
    let host = match hosts.iter().find(|reading| **reading == Ok(true)).or(hosts.iter().find(|r| r.is_err())) {
        Some(reading) => *reading,
        None => Ok(hosts.is_empty()),
    };
    let route = match (rule.route.as_deref(), facts.route) {
        (None, _) => Ok(true),
        (Some(_), RouteName::Unknown) => Err(Doubt::Route),
        (name, RouteName::Known(known)) => Ok(name == known),
    };
    let path = match (&rule.path, &facts.path) {
        (None, _) => Ok(true),
        (Some(_), ReadPath::Ambiguous | ReadPath::Absent) => Err(Doubt::Path),
        (Some(pattern), ReadPath::Plain(path)) => Ok(path_matches(pattern, path)),
    };
    let listed = |method: &str| rule.methods.iter().any(|known| known == method);
    let alike = |method: &str| rule.methods.iter().any(|known| known.eq_ignore_ascii_case(method));
    let method = match facts.method {
        _ if rule.methods.is_empty() => Ok(true),
        Some(method) if alike(method) && !listed(method) => Err(Doubt::Method),
        method => Ok(method.is_some_and(listed)),
    };
    let criteria = [host, route, path, method];
    match criteria.iter().find(|reading| **reading == Ok(false)).or(criteria.iter().find(|r| r.is_err())) {
        Some(reading) => *reading,
        None => Ok(true),
    }
}

fn host_reading(pattern: &HostPattern, facts: &Facts<'_>) -> Result<bool, Doubt> {
    let host = facts.host.as_ref().ok_or(Doubt::Host)?;
    if !name_matches(&pattern.name, &host.name) {
        return Ok(false);
    }
    if host.has_port && !pattern.any_port { Err(Doubt::Host) } else { Ok(true) }
}

fn name_matches(pattern: &NamePattern, host: &str) -> bool {
    match pattern {
        NamePattern::Exact(name) => host == name,
        NamePattern::Below(name) => host.ends_with(&format!(".{name}")),
    }
}

fn path_matches(pattern: &PathPattern, path: &str) -> bool {
    match pattern {
        PathPattern::Exact(exact) => path == exact,
        PathPattern::Prefix(prefix) => {
            prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

/// Whether every request that `later` matches is matched by `rule`.
fn covers(rule: &Match, later: &Match) -> bool {
    let name = |mine: &NamePattern, other: &NamePattern| match (mine, other) {
        (_, NamePattern::Exact(name)) => name_matches(mine, name),
        (NamePattern::Below(_), NamePattern::Below(name)) => mine == other || name_matches(mine, name),
        (NamePattern::Exact(_), NamePattern::Below(_)) => false,
    };
    let host = |other: &HostPattern| {
        rule.hosts.iter().any(|mine| (mine.any_port || !other.any_port) && name(&mine.name, &other.name))
    };
    let path = match (&rule.path, &later.path) {
        (None, _) => true,
        (Some(_), None) | (Some(PathPattern::Exact(_)), Some(PathPattern::Prefix(_))) => false,
        (Some(mine), Some(PathPattern::Exact(path) | PathPattern::Prefix(path))) => path_matches(mine, path),
    };
    (rule.hosts.is_empty() || !later.hosts.is_empty() && later.hosts.iter().all(host))
        && (rule.methods.is_empty()
            || !later.methods.is_empty() && later.methods.iter().all(|method| rule.methods.contains(method)))
        && (rule.route.is_none() || rule.route == later.route)
        && path
}

fn first_reading(rules: &[Match], facts: &Facts<'_>) -> Result<Option<usize>, Doubt> {
    for (position, rule) in rules.iter().enumerate() {
        if reading(rule, facts)? {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

fn index_of(rules: &[Match]) -> Index {
    let mut index = Index::default();
    rules.iter().enumerate().for_each(|(position, rule)| index.add(position, rule));
    index
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % count
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn some_of(&mut self, most: usize, choices: &[&str]) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| self.one_of(choices).to_owned()).collect()
    }

    fn rule(&mut self) -> Match {
        let hosts = ["a.test", "a.test:*", "*.a.test", "*.a.test:*", "b.a.test", "b.a.test:*", "*.test", "[::1]"];
        let path = self.one_of(&["/", "/a", "/a/b", "/b"]).to_owned();
        Match {
            hosts: self.some_of(2, &hosts).iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
            path: match self.below(5) {
                0 => None,
                1 => Some(PathPattern::Exact(self.one_of(&["/", "/a", "/a/", "/a/b"]).to_owned())),
                2 => Some(PathPattern::Exact(path)),
                _ => Some(PathPattern::Prefix(path)),
            },
            methods: self.some_of(2, &["GET", "PUT", "POST"]),
            route: self.one_of(&[None, None, Some("r"), Some("s")]).map(str::to_owned),
        }
    }

    fn rules(&mut self, most: usize) -> Vec<Match> {
        (0..1 + self.below(most)).map(|_| self.rule()).collect()
    }

    fn facts(&mut self) -> Facts<'static> {
        let authority = self.one_of(&[
            "a.test",
            "a.test:80",
            "b.a.test",
            "b.a.test:80",
            "c.b.a.test",
            "c.b.a.test:80",
            "xa.test",
            "test",
            "[::1]",
            "[::1]:80",
            "a..test",
        ]);
        let path = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/b/c"];
        Facts {
            host: host(authority),
            path: match self.below(6) {
                0 => self.one_of(&[&ReadPath::Ambiguous, &ReadPath::Absent]).clone(),
                _ => ReadPath::Plain(self.one_of(&path).to_owned()),
            },
            method: self.one_of(&[Some("GET"), Some("PUT"), Some("POST"), Some("get"), None]),
            route: self.one_of(&[None, Some("r"), Some("s"), Some("t")]).map_or(RouteName::Known(None), |name| {
                if name == "t" { RouteName::Unknown } else { RouteName::Known(Some(name)) }
            }),
        }
    }
}

fn show(facts: &Facts<'_>) -> String {
    let route = match facts.route {
        RouteName::Known(name) => format!("route {name:?}"),
        RouteName::Unknown => "route unknown".to_owned(),
    };
    format!("{:?} {:?} {:?} {route}", facts.method, facts.host, facts.path)
}

#[test]
fn the_first_rule_is_found_and_every_doubt_as_if_one_rule_after_the_other_were_read() {
    let (mut found, mut doubts, mut none) = (0, 0, 0);
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let rules = dice.rules(8);
        let index = index_of(&rules);
        for _ in 0..30 {
            let facts = dice.facts();
            let want = first_reading(&rules, &facts);
            assert_eq!(index.find(&facts), want, "seed {seed}: {} under {rules:#?}", show(&facts));
            match want {
                Ok(Some(_)) => found += 1,
                Ok(None) => none += 1,
                Err(_) => doubts += 1,
            }
        }
    }
    assert!([found, doubts, none].iter().all(|count| *count > 5_000), "{found} found, {doubts} in doubt, {none} none");
}

#[test]
fn a_rule_that_is_said_to_be_covered_is_never_chosen_and_none_that_one_rule_covers_is_missed() {
    let (mut by_one, mut by_several) = (0, 0);
    for seed in 0..400 {
        let mut dice = Dice(seed);
        // As many as make several of them cover a later one together.
        let rules = dice.rules(40);
        let mut index = Index::default();
        for (position, rule) in rules.iter().enumerate() {
            let earlier = &rules[..position];
            let by_itself = earlier.iter().position(|earlier| covers(earlier, rule));
            let covering = index.covering(rule);
            index.add(position, rule);
            let Some(Covering { first, with_others }) = covering else {
                assert_eq!(by_itself, None, "seed {seed}, rule {position} of {rules:#?}");
                continue;
            };
            assert!(first < position && (with_others || covers(&rules[first], rule)), "seed {seed}, rule {position}");
            *(if by_itself.is_some() { &mut by_one } else { &mut by_several }) += 1;
            for _ in 0..100 {
                let facts = dice.facts();
                let chosen = first_reading(&rules[..=position], &facts);
                assert_ne!(chosen, Ok(Some(position)), "seed {seed}: {} under {rules:#?}", show(&facts));
            }
        }
    }
    assert!(by_one > 500 && by_several > 50, "{by_one} by one rule, {by_several} by several");
}

fn rule(hosts: &[&str], path: Option<PathPattern>, methods: &[&str]) -> Match {
    Match {
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        path,
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        route: None,
    }
}

fn prefix(path: &str) -> Option<PathPattern> {
    Some(PathPattern::Prefix(path.to_owned()))
}

fn request(authority: &str, path: ReadPath) -> Facts<'static> {
    Facts { host: host(authority), path, method: Some("GET"), route: RouteName::Known(None) }
}

fn plain(path: &str) -> ReadPath {
    ReadPath::Plain(path.to_owned())
}

#[test]
fn a_doubt_counts_only_where_all_else_holds_and_the_first_rule_in_question_decides() {
    let a = rule(&["a.test"], prefix("/a"), &[]);
    let ported = rule(&["a.test:*"], prefix("/a"), &[]);
    let put = rule(&["a.test"], prefix("/a"), &["PUT"]);
    let everything = rule(&[], None, &[]);
    let both_ways = rule(&["a.test", "a.test:*"], prefix("/a"), &[]);
    let path = rule(&[], prefix("/a"), &[]);
    let routed = Match { route: Some("r".to_owned()), ..path.clone() };
    let thought_of = |path| Facts { route: RouteName::Unknown, ..request("a.test", plain(path)) };
    for (name, rules, facts, want) in [
        ("port", vec![&a, &everything], request("a.test:80", plain("/a")), Err(Doubt::Host)),
        ("port, another path", vec![&a, &everything], request("a.test:80", plain("/b")), Ok(Some(1))),
        ("port, another method", vec![&put, &everything], request("a.test:80", plain("/a")), Ok(Some(1))),
        ("port, first allowed", vec![&ported, &a], request("a.test:80", plain("/a")), Ok(Some(0))),
        ("port, allowed later", vec![&a, &ported], request("a.test:80", plain("/a")), Err(Doubt::Host)),
        ("port, allowed in the same rule", vec![&both_ways], request("a.test:80", plain("/a")), Ok(Some(0))),
        ("no such host", vec![&a, &everything], request("a..test", plain("/a")), Err(Doubt::Host)),
        ("no such host, another path", vec![&a, &everything], request("a..test", plain("/b")), Ok(Some(1))),
        ("no such host, first allowed", vec![&everything, &a], request("a..test", plain("/a")), Ok(Some(0))),
        ("no host in question", vec![&path], request("", plain("/a")), Ok(Some(0))),
        ("path", vec![&path, &everything], request("a.test", ReadPath::Ambiguous), Err(Doubt::Path)),
        ("path, CONNECT", vec![&path, &everything], request("a.test", ReadPath::Absent), Err(Doubt::Path)),
        (
            "method",
            vec![&put, &everything],
            Facts { method: Some("Put"), ..request("a.test", plain("/a")) },
            Err(Doubt::Method),
        ),
        (
            "method, another path",
            vec![&put, &everything],
            Facts { method: Some("Put"), ..request("a.test", plain("/b")) },
            Ok(Some(1)),
        ),
        (
            "method, first allowed",
            vec![&a, &put],
            Facts { method: Some("put"), ..request("a.test", plain("/a")) },
            Ok(Some(0)),
        ),
        (
            "method and path",
            vec![&put, &everything],
            Facts { method: Some("put"), ..request("a.test", ReadPath::Ambiguous) },
            Err(Doubt::Path),
        ),
        ("path, another host", vec![&a, &everything], request("b.test", ReadPath::Ambiguous), Ok(Some(1))),
        ("path and host", vec![&a, &everything], request("", ReadPath::Ambiguous), Err(Doubt::Host)),
        ("route", vec![&routed, &everything], thought_of("/a"), Err(Doubt::Route)),
        ("route, another path", vec![&routed, &everything], thought_of("/b"), Ok(Some(1))),
        ("route, after another rule", vec![&path, &routed], thought_of("/a"), Ok(Some(0))),
    ] {
        let rules: Vec<Match> = rules.into_iter().cloned().collect();
        assert_eq!(index_of(&rules).find(&facts), want, "{name}");
        assert_eq!(first_reading(&rules, &facts), want, "{name}, read plainly");
    }
}

#[test]
fn rules_that_only_together_cover_a_later_one_are_noticed() {
    let hosts = |hosts: &[&str]| rule(hosts, None, &[]);
    let methods = |methods: &[&str]| rule(&[], None, methods);
    let together = Some(Covering { first: 0, with_others: true });
    for (name, earlier, later, want) in [
        ("methods", [methods(&["GET"]), methods(&["PUT"])], methods(&["PUT", "GET"]), together),
        ("one method is missing", [methods(&["GET"]), methods(&["PUT"])], methods(&["GET", "POST"]), None),
        ("some methods for all", [methods(&["GET"]), methods(&["PUT"])], methods(&[]), None),
        ("hosts", [hosts(&["a.test"]), hosts(&["*.a.test"])], hosts(&["b.a.test", "a.test"]), together),
        ("some hosts for all", [hosts(&["a.test"]), hosts(&["*.a.test"])], hosts(&[]), None),
        (
            "each host with its own method",
            [rule(&["a.test"], None, &["GET"]), rule(&["b.test"], None, &["PUT"])],
            rule(&["a.test", "b.test"], None, &["GET", "PUT"]),
            None,
        ),
        ("the second alone", [methods(&["GET"]), hosts(&["*.test"])], hosts(&["a.test"]), {
            Some(Covering { first: 1, with_others: false })
        }),
    ] {
        assert_eq!(index_of(&earlier).covering(&later), want, "{name}");
    }
}

#[test]
fn ten_thousand_rules_keep_their_order_and_names_of_any_length_are_looked_up() {
    let count = 10_000;
    let mut rules: Vec<Match> =
        (0..count).map(|n| rule(&[&format!("h{n}.a.test")], prefix(&format!("/p{n}")), &[])).collect();
    let deep_path = "/p7".repeat(30_000);
    let deep_host = format!("{}a.test", "x.".repeat(30_000));
    rules.push(rule(&["deep.test"], prefix(&deep_path), &[]));
    rules.push(rule(&["*.a.test"], None, &[]));
    rules.push(rule(&[], None, &[]));
    let index = index_of(&rules);
    for n in [0, 1, 4_999, count - 1] {
        let facts = request(&format!("h{n}.a.test"), plain(&format!("/p{n}/x")));
        assert_eq!(index.find(&facts), Ok(Some(n)), "{n}");
    }
    for (name, facts, want) in [
        ("another rule's path", request("h1.a.test", plain("/p2")), count + 1),
        ("a long path", request("h7.a.test", plain(&deep_path)), 7),
        ("a long host", request(&deep_host, plain("/p7")), count + 1),
        ("a long path in a rule", request("deep.test", plain(&format!("{deep_path}/x"))), count),
        ("a part of it", request("deep.test", plain("/p7/p7")), count + 2),
    ] {
        assert_eq!(index.find(&facts), Ok(Some(want)), "{name}");
    }
}
