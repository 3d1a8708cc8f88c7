use super::*;

/// A whole Envoy configuration that nothing is wrong with.
const ENVOY: &str = r#"
static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          normalize_path: true
          merge_slashes: true
          path_with_escaped_slashes_action: REJECT_REQUEST
          common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }
          route_config:
            virtual_hosts:
            - domains: ["*"]
              routes:
              - name: tap
                match: { prefix: / }
                metadata: { filter_metadata: { postern: { rule: admin } } }
                route: { cluster: up }
          http_filters:
          - name: postern
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: postern
                failure_policy: FAIL_RELOAD
                vm_config: { vm_id: postern, runtime: envoy.wasm.runtime.v8 }
                configuration:
                  "@type": type.googleapis.com/google.protobuf.Struct
                  value:
                    issuers:
                    - issuer: https://login.test
                      audiences: [https://api.test]
                      jwks: { cluster: login }
                    rules:
                    - { name: tap, match: { route: tap } }
                    - { name: admin }
  clusters:
  - { name: login }
  - { name: up }
"#;

/// The rules in it.
const RULES: &str = "                    rules:
                    - { name: tap, match: { route: tap } }
                    - { name: admin }
";

/// The same in Istio's words.
const WASM_PLUGIN: &str = r"
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: postern, namespace: istio-system }
spec:
  url: oci://registry.test/postern
  phase: AUTHN
  failStrategy: FAIL_RELOAD
  vmConfig:
    env:
    - { name: KEY_OF_NOBODY, valueFrom: HOST }
  pluginConfig:
    issuers:
    - issuer: https://login.test
      audiences: [https://api.test]
      jwks: { cluster: outbound|443||login.test }
    reissue:
      issuer: https://api.test/postern
      keys: [{ env: KEY_OF_NOBODY }]
    rules:
    - { name: tap, match: { prefix: /tap } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: login }
spec: { hosts: [login.test], ports: [{ number: 443, name: https, protocol: HTTPS }] }
";

const BARE: &str = "issuers:
- issuer: https://login.test
  audiences: [https://api.test]
  jwks: { cluster: login }
rules:
- name: tap
  match: { prefix: /tap }
";

/// All that is said about a file `f`.
fn said(text: &str) -> Vec<String> {
    let problems = check(&[File::of("f", text)]).problems;
    problems.iter().map(|problem| anstream::adapter::strip_str(&problem.to_string()).to_string()).collect()
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} stands once");
    text.replace(from, to)
}

#[test]
fn what_nothing_is_wrong_with_is_found_and_not_complained_of() {
    for (name, text, notes) in [
        ("Envoy", ENVOY, 0),
        ("a WasmPlugin", WASM_PLUGIN, 1),
        ("a bare configuration", BARE, 0),
        (
            "another without rules, as JSON",
            r#"{"issuers":[{"issuer":"https://a.test","audiences":["b"],"jwks":{"cluster":"c"}}]}"#,
            1,
        ),
    ] {
        let outcome = check(&[File::of("f", text)]);
        assert_eq!(outcome.found.len(), 1, "{name}");
        let is_note = |problem: &Problem| problem.severity == Severity::Note;
        assert!(outcome.problems.iter().all(is_note), "{name}: {:?}", said(text));
        assert_eq!(outcome.problems.len(), notes, "{name}");
    }
}

#[test]
fn every_mistake_in_an_envoy_configuration_is_told_with_its_place() {
    for (name, from, to, want) in [
        (
            "a value of the plugin's",
            "cluster: login }\n",
            "cluster: login, cache: 1s }\n",
            "f:34:47: error: issuers[0].jwks.cache: must be between 5m and 1h",
        ),
        (
            "a field that nobody knows",
            "{ name: admin }",
            "{ name: admin, acces: optional }",
            "f:37:38: error: rules[1].acces: unknown field; known here: name, match, access, foreign_authorization, require, \
             challenge, reissue, shadow",
        ),
        (
            "a field that is missing",
            "                      audiences: [https://api.test]\n",
            "",
            "f:32:23: error: issuers[0].audiences: is missing",
        ),
        (
            "a field that stands twice",
            "- { name: tap, match: { route: tap } }",
            "- { name: tap, name: top, match: { route: tap } }",
            "f:36:36: error: rules[0].name: stands twice",
        ),
        (
            "a cluster that is not there",
            "- { name: login }",
            "- { name: logout }",
            "f:34:31: error: issuers[0].jwks.cluster: there is no such cluster in static_resources.clusters",
        ),
        (
            "a policy that lets everybody on",
            "FAIL_RELOAD",
            "FAIL_OPEN",
            "f:26:33: error: failure_policy: when the filter crashes every request goes on undecided; use FAIL_RELOAD",
        ),
        (
            "the same by its number",
            "FAIL_RELOAD",
            "3",
            "f:26:33: error: failure_policy: when the filter crashes every request goes on undecided; use FAIL_RELOAD",
        ),
        (
            "the same as JSON names it, in small letters",
            "failure_policy: FAIL_RELOAD",
            "failurePolicy: fail_open",
            "f:26:32: error: failure_policy: when the filter crashes every request goes on undecided; use FAIL_RELOAD",
        ),
        (
            "a policy after a policy",
            "failure_policy: FAIL_RELOAD",
            "failure_policy: FAIL_RELOAD\n                failure_policy: FAIL_CLOSED",
            "f:27:17: error: failure_policy: stands twice: Envoy takes the last one, and others refuse it",
        ),
        (
            "a policy after a policy, which counts",
            "failure_policy: FAIL_RELOAD",
            "failure_policy: FAIL_RELOAD\n                failure_policy: FAIL_OPEN",
            "f:27:33: error: failure_policy: when the filter crashes every request goes on undecided; use FAIL_RELOAD",
        ),
        (
            "what is merged",
            "failure_policy: FAIL_RELOAD",
            "<<: { failure_policy: FAIL_RELOAD }",
            "f:26:17: error: [\"<<\"]: Envoy refuses it, and what it stands for is not looked at here: write that out",
        ),
        (
            "what Envoy leaves out",
            "failure_policy: FAIL_RELOAD",
            "!ignore failure_policy: FAIL_RELOAD",
            "f:25:17: warning: failure_policy: without FAIL_RELOAD a worker whose filter crashed answers 503 until Envoy is \
             started again",
        ),
        (
            "a filter that is switched off",
            "          - name: postern\n",
            "          - name: postern\n            disabled: true\n",
            "f:22:23: error: http_filters[].disabled: every request goes on undecided, unless its route switches the filter on",
        ),
        (
            "a route that switches it off",
            "                route: { cluster: up }\n",
            "                route: { cluster: up }\n                typed_per_filter_config: { postern: { \"@type\": a, disabled: true } }\n",
            "f:20:77: warning: typed_per_filter_config.postern.disabled: here the filter is switched off: nobody is asked for \
             a token, and identities that clients write themselves reach the service. ",
        ),
        (
            "no policy",
            "failure_policy: FAIL_RELOAD",
            "fail_open: false",
            "f:25:17: warning: failure_policy: without FAIL_RELOAD a worker whose filter crashed answers 503 until Envoy is \
             started again",
        ),
        (
            "the old way to let everybody on",
            "failure_policy: FAIL_RELOAD",
            "failOpen: y",
            "f:25:17: error: fail_open: when the filter crashes every request goes on undecided",
        ),
        (
            "no vm_id",
            "vm_id: postern, ",
            "",
            "f:25:17: warning: vm_config.vm_id: give it one of its own: plugins whose VMs have one vm_id share data, and keys \
             are in it",
        ),
        (
            "paths as they come",
            "normalize_path: true",
            "normalize_path: false",
            "f:8:27: warning: normalize_path: set it to true: rules go by path, and filter, routes and service have to see \
             the same one",
        ),
        (
            "slashes that stand twice",
            "merge_slashes: true",
            "merge_slashes: false",
            "f:9:26: warning: merge_slashes: set it to true: ",
        ),
        (
            "names with underscores",
            "headers_with_underscores_action: REJECT_REQUEST",
            "idle_timeout: 1s",
            "f:7:11: warning: common_http_protocol_options.headers_with_underscores_action: set it to REJECT_REQUEST: ",
        ),
        (
            "requests that are never ended",
            "merge_slashes: true",
            "merge_slashes: true\n          stream_idle_timeout: 0s",
            "f:10:32: warning: stream_idle_timeout: without it a request that waits",
        ),
        (
            "escaped slashes",
            "          path_with_escaped_slashes_action: REJECT_REQUEST\n",
            "",
            "f:7:11: warning: path_with_escaped_slashes_action: set it to REJECT_REQUEST: %2f and %5c are a slash to some \
             services and a letter to others",
        ),
        (
            "a route that names no rule",
            "rule: admin",
            "rule: admins",
            "f:18:65: error: filter_metadata.postern.rule: is the name of no rule: every request of this route is refused",
        ),
        (
            "metadata of a name that nobody knows",
            "rule: admin",
            "roles: admin",
            "f:18:59: error: filter_metadata.postern.roles: unknown field; known here: rule, capabilities. Every request of \
             this route is refused",
        ),
        (
            "metadata with nothing in it",
            "{ rule: admin }",
            "{}",
            "f:18:57: error: filter_metadata.postern: has neither `rule` nor `capabilities`: ",
        ),
        (
            "a cluster that may be discovered",
            "- { name: login }\n  - { name: up }\n",
            "- { name: up }\ndynamic_resources: { cds_config: { ads: {} } }\n",
            "f:34:31: warning: issuers[0].jwks.cluster: no cluster of these files has this name",
        ),
        (
            "a rule for a route that is not there",
            "- name: tap\n",
            "- name: tip\n",
            "f:36:45: warning: rules[0].match.route: no route of these files has this name",
        ),
        (
            "a list of what may be called that lacks something",
            "failure_policy: FAIL_RELOAD",
            "failure_policy: FAIL_RELOAD\n                capability_restriction_config: { allowed_capabilities: { proxy_log: {} } }",
            "f:27:72: error: capability_restriction_config.allowed_capabilities: lacks proxy_on_context_create, \
             proxy_on_configure, proxy_on_tick, proxy_on_http_call_response, proxy_on_request_headers, \
             proxy_on_request_body, proxy_on_request_trailers, proxy_on_delete, proxy_get_buffer_bytes, \
             proxy_get_header_map_pairs, proxy_get_header_map_value, proxy_add_header_map_value, \
             proxy_remove_header_map_value, proxy_replace_header_map_value, proxy_get_property, proxy_set_property, \
             proxy_send_local_response, proxy_continue_stream, proxy_set_effective_context, \
             proxy_set_tick_period_milliseconds, proxy_get_current_time_nanoseconds, proxy_http_call, \
             proxy_get_shared_data, proxy_set_shared_data, proxy_call_foreign_function, random_get, proxy_define_metric, \
             proxy_increment_metric, proxy_record_metric",
        ),
        (
            "rules that are not indented enough",
            RULES,
            "                  rules:\n                  - { name: admin }\n",
            "f:35:19: error: `rules` stands beside `value`, where Envoy takes nothing; indent it, so that it is in `value`",
        ),
        (
            "a configuration of another type",
            "google.protobuf.Struct",
            "google.protobuf.BytesValue",
            "f:29:19: error: a configuration is a google.protobuf.Struct or a StringValue, with the rest under `value`",
        ),
        ("what is no YAML", "- { name: up }", "- { name: up", "f:41:1: error: this is no YAML: "),
    ] {
        let said = said(&changed(ENVOY, from, to));
        assert!(
            said.iter().any(|line| line.starts_with(want)),
            "{name}:
{}",
            said.join(
                "
"
            )
        );
    }
}

#[test]
fn the_settings_count_also_where_the_filter_is_fetched_into_the_listener() {
    let listener = r#"
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  filter_chains:
  - filters:
    - typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        normalize_path: true
        merge_slashes: true
        path_with_escaped_slashes_action: KEEP_UNCHANGED
        common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }
        http_filters:
        - name: postern
          config_discovery: { type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm] }
"#;
    let problems = check(&[File::of("lds", listener), File::of("bare", BARE)]).problems;
    let told: Vec<(&str, &str)> = problems.iter().map(|problem| (&*problem.file, &*problem.path)).collect();
    assert_eq!(told, [("lds", "path_with_escaped_slashes_action")]);
}

#[test]
fn a_signing_key_is_to_come_from_envoys_own_environment() {
    let key =
        "reissue: { issuer: https://api.test/postern, keys: [{ env: KEY_OF_NOBODY }] }\n                    rules:";
    let with_key = changed(ENVOY, "rules:", key);
    let told = "f:35:75: error: reissue.keys[0].env: ";
    for (name, variables, want) in [
        ("it is listed", "{ host_env_keys: [KEY_OF_NOBODY] }", None),
        ("another is listed", "{ host_env_keys: [ANOTHER] }", Some("the VM does not get this variable: ")),
        ("it is written", "{ key_values: { KEY_OF_NOBODY: geheim } }", Some("the key stands in key_values, ")),
    ] {
        let vm = format!("vm_config: {{ environment_variables: {variables}, vm_id");
        let said = said(&changed(&with_key, "vm_config: { vm_id", &vm));
        let errors: Vec<&str> = said.iter().map(String::as_str).filter(|line| line.contains(" error: ")).collect();
        match want {
            None => assert!(errors.is_empty(), "{name}: {errors:?}"),
            Some(want) => {
                assert!(errors.len() == 1 && errors[0].starts_with(&format!("{told}{want}")), "{name}: {errors:?}")
            }
        }
    }
}

/// What is in the same file, and what may be left out or written otherwise.
#[test]
fn what_is_right_in_another_way_is_found_too() {
    let other = r#"  - filter_chains:
    - filters:
      - typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
  clusters:
"#;
    let wasm = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n";
    let wrapped =
        format!("type.googleapis.com/udpa.type.v1.TypedStruct\n              type_url: {wasm}              value:\n");
    let moved = |text: &str| {
        let (head, rest) = text.split_once(wasm).expect("the filter");
        let (filter, clusters) = rest.split_once("  clusters:").expect("the clusters");
        let filter: String = filter.lines().map(|line| format!("  {line}\n")).collect();
        format!("{head}{wrapped}{filter}  clusters:{clusters}")
    };
    let allowed =
        "failure_policy: FAIL_RELOAD\n                capability_restriction_config: { allowed_capabilities: {} }";
    for (name, text) in [
        ("a listener without the filter", changed(ENVOY, "  clusters:\n", other)),
        ("a list of calls that is empty", changed(ENVOY, "failure_policy: FAIL_RELOAD", allowed)),
        (
            "a plugin of another name",
            changed(&ENVOY.replace("name: postern", "name: gate"), "vm_id: postern", "vm_id: gate"),
        ),
        ("a filter as Istio's patches carry it", moved(ENVOY)),
    ] {
        assert_eq!(said(&text), [""; 0], "{name}");
        assert_eq!(check(&[File::of("f", &text)]).found.len(), 1, "{name}");
    }
}

#[test]
fn of_what_was_not_read_nothing_more_is_said() {
    // Nobody knows which rules there are, so no route is told that its rule is missing.
    let text = changed(&changed(ENVOY, "rule: admin", "rule: nobody"), "{ name: admin }", "{ nam: admin }");
    let problems = check(&[File::of("f", &text), File::of("bare", BARE)]).problems;
    let told: Vec<&str> =
        problems.iter().map(|problem| &*problem.path).filter(|path| !path.contains("cluster")).collect();
    assert!(!told.is_empty() && told.iter().all(|path| path.starts_with("rules[1]")), "{told:?}");
}

#[test]
fn beside_a_service_entry_clusters_have_the_names_of_the_mesh() {
    let (_, entry) = WASM_PLUGIN.split_once("---\n").expect("the ServiceEntry");
    let problems = check(&[File::of("bare", BARE), File::of("entry", entry)]).problems;
    let told: Vec<(&str, &str)> = problems.iter().map(|problem| (&*problem.file, &*problem.path)).collect();
    assert_eq!(told, [("bare", "issuers[0].jwks.cluster")]);
}

#[test]
fn rules_may_be_none_where_routes_say_what_they_need() {
    let metadata = "metadata: { filter_metadata: { postern: { rule: admin } } }";
    let demanding = changed(&changed(ENVOY, RULES, ""), "rule: admin", "capabilities: read:tap");
    let silent = changed(&changed(ENVOY, RULES, ""), metadata, "# nothing");
    let said = |text: &str| said(text).join("\n");
    assert_eq!(said(&demanding), "");
    let want = "warning: rules: there are none, and no route of these files says in its metadata what it needs: every \
                request is refused";
    assert!(said(&silent).ends_with(want), "{}", said(&silent));
}

#[test]
fn json_in_a_string_has_its_places_in_the_file() {
    let text = ENVOY.replace("google.protobuf.Struct", "google.protobuf.StringValue");
    let (head, rest) = text.split_once("                  value:\n").expect("the value");
    let (_, clusters) = rest.split_once("  clusters:").expect("the clusters");
    let block = r#"                  value: |
                    {
                      "issuers": [],
                      "realm": 5
                    }
"#;
    for (name, value, want) in [
        (
            "a block",
            block.to_owned(),
            vec![
                "f:32:23: error: issuers: needs at least one item",
                "f:33:23: error: realm: expected a string, found a number",
            ],
        ),
        (
            "a block without a comma",
            block.replace("[],", "[]"),
            vec!["f:33:23: error: the text is no JSON, which is all that the filter reads: expected `,` or `}`"],
        ),
        (
            "one line",
            "                  value: '{\"issuers\": []}'\n".to_owned(),
            vec!["f:30:26: error: issuers: needs at least one item"],
        ),
        (
            "YAML, which the filter does not read",
            "                  value: 'issuers: []'\n".to_owned(),
            vec![
                "f:30:26: error: the text is no JSON, which is all that the filter reads: expected value at line 1 column 1",
            ],
        ),
    ] {
        assert_eq!(said(&format!("{head}{value}  clusters:{clusters}")), want, "{name}");
    }
}

#[test]
fn every_mistake_in_a_wasm_plugin_is_told_with_its_place() {
    for (name, from, to, want) in [
        (
            "a rule",
            "match: { prefix: /tap }",
            "match: { prefix: /tap/ }",
            "f:21:29: error: rules[0].match.prefix: a prefix stands for whole segments; leave out the / at its end",
        ),
        (
            "a cluster in Envoy's words",
            "cluster: outbound|443||login.test",
            "cluster: login",
            "f:16:15: error: issuers[0].jwks.cluster: Istio's clusters are named outbound|PORT||HOST, such as \
             outbound|443||login.example.org",
        ),
        (
            "a cluster for which there is no entry",
            "number: 443",
            "number: 8443",
            "f:16:15: warning: issuers[0].jwks.cluster: no ServiceEntry of these files has login.test with port 443",
        ),
        (
            "a strategy that lets everybody on",
            "FAIL_RELOAD",
            "FAIL_OPEN",
            "f:8:17: error: spec.failStrategy: when the filter cannot be loaded, or crashes, every request goes on undecided; \
             use FAIL_RELOAD",
        ),
        (
            "a key that does not come from the proxy",
            "valueFrom: HOST",
            "value: geheim",
            "f:19:16: error: reissue.keys[0].env: the key is to come from the proxy's environment: set valueFrom: HOST in \
             vmConfig.env",
        ),
        (
            "a key that is to stand in the manifest",
            "valueFrom: HOST",
            "valueFrom: INLINE",
            "f:19:16: error: reissue.keys[0].env: the key is to come from the proxy's environment: set valueFrom: HOST in \
             vmConfig.env",
        ),
        (
            "a key under another name",
            "{ env: KEY_OF_NOBODY }",
            "{ env: KEY_OF_SOMEBODY }",
            "f:19:16: error: reissue.keys[0].env: the VM does not get this variable: name it in spec.vmConfig.env with \
             valueFrom: HOST",
        ),
        (
            "no phase",
            "  phase: AUTHN\n",
            "",
            "f:6:3: warning: spec.phase: without AUTHN the filter comes last, after filters that trust what it has not \
             looked at yet",
        ),
        (
            "no configuration",
            "  pluginConfig:\n    issuers:\n",
            "  pluginConfigs:\n    issuers:\n",
            "f:6:3: error: the plugin has no configuration; it needs `issuers` at least",
        ),
    ] {
        let said = said(&changed(WASM_PLUGIN, from, to));
        assert!(
            said.iter().any(|line| line == want),
            "{name}:
{}",
            said.join(
                "
"
            )
        );
    }
}

#[test]
fn what_is_somebody_elses_is_left_alone_and_nothing_at_all_is_an_error() {
    let nothing = "f: error: no configuration of the filter was found: there is no Wasm filter, WasmPlugin or file with \
                   `issuers` that is postern's";
    let others = WASM_PLUGIN.replace("postern", "waf").replace("issuers:", "directives:");
    for (name, text) in [
        ("an empty file", ""),
        ("a comment", "# nothing\n"),
        ("another kind", "kind: ConfigMap\ndata: { issuers: x }\n"),
        ("another plugin", &others),
        ("roles of Kubernetes, which have rules too", "kind: ClusterRole\nrules: [{ verbs: [get] }]\n"),
    ] {
        assert_eq!(said(text), [nothing], "{name}");
    }
    let by_image = others.replace("oci://registry.test/waf", "oci://registry.test/postern");
    assert!(said(&by_image).iter().any(|line| line.contains("error: issuers: is missing")), "{:?}", said(&by_image));
    let beside = check(&[File::of("a", "kind: Namespace\n"), File::of("b", BARE)]);
    assert!(beside.problems.is_empty() && beside.found.len() == 1);
}

#[test]
fn the_list_of_what_the_filter_calls_is_that_of_the_sample() {
    let sample = include_str!("../../../../envoy/envoy.yaml");
    for name in sample.lines().filter_map(|line| line.trim().strip_suffix(": {}")) {
        let text = changed(sample, &format!(" {name}: {{}}\n"), &format!(" not_{name}: {{}}\n"));
        let want = format!("allowed_capabilities: lacks {name}");
        assert!(said(&text).iter().any(|line| line.ends_with(&want)), "{name}");
    }
}
