#[path = "../../tests/common/vectors.rs"]
mod vectors;

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn template(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, "<s>", "</s>").unwrap_or_else(|e| panic!("{source}: {e}"))
}

fn user(content: &str) -> Vec<Message> {
    vec![Message { role: "user".into(), content: content.into() }]
}

fn render(source: &str) -> Result<String> {
    ChatTemplate::new(source, "<s>", "</s>")?.render(&user("hi"), None, None, true)
}

fn error(source: &str) -> String {
    render(source).expect_err(source).to_string()
}

#[test]
fn renders_what_jinja2_renders() {
    let cases = vectors::listed("template");
    assert!(cases.len() > 50, "a runner that finds nothing to run fails");
    let mut wrong = Vec::new();
    for case in &cases {
        let messages: Vec<Message> = case["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| Message {
                role: m["role"].as_str().unwrap().into(),
                content: m["content"].as_str().unwrap().into(),
            })
            .collect();
        let tools = Some(&case["tools"]).filter(|tools| !tools.is_null());
        let result =
            ChatTemplate::new(case["template"].as_str().unwrap(), "<s>", "</s>").and_then(|template| {
                template.render(
                    &messages,
                    tools,
                    case["date"].as_str(),
                    case["addGenerationPrompt"].as_bool().unwrap(),
                )
            });
        let matches = match (&result, case["text"].as_str(), case["refused"].as_str()) {
            (Ok(text), Some(expected), _) => text == expected,
            (Err(e), None, Some(refused)) => e.message().contains(refused),
            _ => false,
        };
        if !matches {
            wrong.push(format!("{}:\n  {:?}\n  {result:?}", case["name"], case["text"]));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_missing_template_is_an_error_never_a_default() {
    for source in ["", "  \n"] {
        let error = ChatTemplate::new(source, "", "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Template);
        assert_eq!(
            error.to_string(),
            "chat template: the model has no chat template: give a raw prompt, or tokens, instead of messages"
        );
    }
}

#[test]
fn a_failing_template_says_why() {
    for (source, text) in [
        ("{% if %}", "chat template: line 1: syntax error: unexpected end of block"),
        ("{{ 1|nope }}", "chat template: line 1: unknown filter: filter nope is unknown"),
        ("\n{{ nope() }}", "chat template: line 2: unknown function: nope is unknown"),
        ("{{ range(1000000) }}", "chat template: line 1: invalid operation: range has too many elements"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "chat template: line 1: invalid operation: recursion limit exceeded"),
        ("{{ messages[5].role }}", "chat template: line 1: undefined value"),
        ("{{ 'a' + 1 }}", "chat template: line 1: + is not defined for string and number"),
        ("{{ namespace }}", "chat template: line 1: the template writes something that has no text (a macro, bytes)"),
        ("{{ raise_exception('no') }}", "chat template: line 1: the template refused the messages: no"),
        (
            "{{ strftime_now('%Y') }}",
            "date: the template asks for the current date: give the request a `date` (YYYY-MM-DD); the clock is never read",
        ),
        ("{% include 'x' %}", "chat template: a block, include, import or extends is not supported in chat templates"),
        ("{% for x in [[]] recursive %}{{ loop(x) }}{% endfor %}", "chat template: a recursive loop is not supported in chat templates"),
    ] {
        assert_eq!(error(source), text, "{source}");
    }
}

#[test]
fn the_date_comes_from_the_request_alone() {
    let source = "{{ strftime_now('%d %b %Y') }} {{ date_string }} {{ date_string is defined }}";
    let text = template(source).render(&user("x"), None, Some("2024-07-26"), true).unwrap();
    assert_eq!(text, "26 Jul 2024 26 Jul 2024 True");
    assert_eq!(render("{{ date_string is defined }}").unwrap(), "False");
    let wrong = template("x").render(&user("x"), None, Some("26.7.2024"), true).unwrap_err();
    assert_eq!(wrong.to_string(), "date: not a calendar day written YYYY-MM-DD");
    let time = template("{{ strftime_now('%H:%M') }}").render(&user("x"), None, Some("2024-07-26"), true);
    assert!(time.unwrap_err().to_string().contains("more than a date"));
}

#[test]
fn contents_never_appear_in_an_error() {
    for source in [
        "{{ raise_exception(messages[0].content) }}",
        "{{ raise_exception('bad: ' ~ messages[0].content) }}",
        "{{ messages[0].content + 1 }}",
        "{{ messages[0].content|int }}",
        "{{ messages[0].content|abs }}",
        "{{ messages[0].content - 1 }}",
        "{{ messages|map(messages[0].content)|list }}",
        "{{ messages|select(messages[0].content)|list }}",
        "{{ messages[0].content|tojson(indent=messages[0].content) }}",
        "{{ range(messages[0].content) }}",
        "{{ {}[messages[0].content].x }}",
        "{{ messages[0].content.nope() }}",
    ] {
        if let Err(error) = template(source).render(&user("SECRET"), None, None, true) {
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{source}: {error}");
        }
    }
}

#[test]
fn the_digest_is_the_keccak_of_the_source() {
    // keccak256("abc"), a published test value.
    let digest: String = template("abc").digest().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

#[test]
fn the_renderer_names_the_engine_that_is_linked() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"minijinja\"\n"))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next())
        .unwrap();
    assert_eq!(RENDERER, format!("minijinja/{version}+attestlm-1"));
}

#[test]
fn tools_are_seen_in_canonical_form() {
    let tools = json!([{"b": 1.0, "a": {"d": 1.5, "c": []}}]);
    let text = template("{{ tools|tojson }}").render(&user("x"), Some(&tools), None, true).unwrap();
    assert_eq!(text, r#"[{"a": {"c": [], "d": 1.5}, "b": 1}]"#);
}

/// Each must be refused or rendered, quickly, on a small stack, without a large allocation.
#[test]
fn hostile_templates_are_contained() {
    let long =
        |head: &str, middle: &str, times: usize, tail: &str| format!("{head}{}{tail}", middle.repeat(times));
    let hostile = [
        // Sizes.
        "{{ 'x' * 10**9 }}".to_string(),
        "{{ 'x' * 100000000 }}".into(),
        "{{ 'x' * 1e8 }}".into(),
        "{{ ('x' * 60000) * 60000 }}".into(),
        "{% set n = 100000000 %}{{ 'x' * n }}".into(),
        "{% set n = 100000000 %}{{ ['x'] * n }}".into(),
        "{% set n = 9223372036854775807 %}{{ [] * n }}{{ '' * n }}".into(),
        long("", "{{ 'x' * 60000 * 1000 }}", 500, ""),
        "{{ [1] * 1000000000 == [1] * 1000000000 }}".into(),
        "{% for i in range(10**9) %}x{% endfor %}".into(),
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}".into(),
        "{% for i in range(100000) %}{% set l = range(100000)|list %}{% endfor %}".into(),
        "{{ range(-2147483648, 2147483647, 1) }}{{ range(5, 0, -2147483648) }}".into(),
        "{{ '%1000000000d' % 1 }}".into(),
        "{{ '{:1000000000}'.format(1) }}".into(),
        "{{ '%1000000000s'|format('x') }}".into(),
        "{{ 'a'|indent(1000000000) }}".into(),
        "{{ [1, [2]]|tojson(indent=1000000000) }}".into(),
        "{{ 'x'|center(1000000000) }}".into(),
        "{{ [1]|batch(1000000000, 0)|list }}".into(),
        "{% set a = 'a' * 20000 %}{{ a|replace('a', a)|replace('a', a) }}".into(),
        "{% set a = 'a' * 20000 %}{{ a.replace('', a).replace('', a) }}".into(),
        "{% set a = 'a' * 20000 %}{{ a.join(range(100000)) }}".into(),
        "{% set a = 'a' * 20000 %}{{ range(100000)|join(a) }}".into(),
        "{% set a = 'a' * 30000 %}{{ a|trim(a) }}{{ a.strip(a) }}{% for i in range(100000) %}{% set x = a.strip(a) %}{% endfor %}".into(),
        "{% set a = 'a' * 30000 %}{% for i in range(100000) %}{% set x = a[29999] %}{% endfor %}".into(),
        "{% set a = 'a' * 30000 %}{% for i in range(100000) %}{% for c in a %}{% break %}{% endfor %}{% endfor %}".into(),
        "{% set a = 'a' * 30000 %}{% for i in range(100000) %}{% set x = a|upper %}{% endfor %}".into(),
        long("{{ range(100000)|sort(attribute='", "a.", 20_000, "a')|length }}"),
        long("{{ range(100000)|map(attribute='", "a.", 20_000, "a')|list|length }}"),
        long("{{ range(100000)|selectattr('", "a.", 20_000, "a')|list|length }}"),
        // Doubling.
        "{% set ns = namespace(s='xx') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}".into(),
        "{% set ns = namespace(s='xx') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}".into(),
        "{% set ns = namespace(s='xx') %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s]|join %}{% endfor %}".into(),
        "{% set ns = namespace(s='xx') %}{% for i in range(100) %}{% set ns.s = ns.s|tojson|tojson|escape %}{% endfor %}".into(),
        "{% set ns = namespace(s='xx') %}{% for i in range(100) %}{% set x %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = x %}{% endfor %}".into(),
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}".into(),
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}".into(),
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% endfor %}{{ ns.l|tojson }}".into(),
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = dict(a=ns.l, b=ns.l) %}{% endfor %}{{ ns.l == ns.l }}".into(),
        "{% macro f(s, n) %}{% if n %}{{ f(s ~ s, n - 1) }}{% else %}{{ s }}{% endif %}{% endmacro %}{{ f('x', 40) }}".into(),
        long("{% set s = 'x' %}", "{% set s = s ~ s %}", 60, "{{ s }}"),
        long("{% for i in range(100000) %}{% set x %}", &"y".repeat(1000), 100, "{% endset %}{% endfor %}"),
        long("{% for i in range(100000) %}", &"y".repeat(1000), 100, "{% endfor %}"),
        "{% filter replace('a', 'a' * 10000) %}{% for i in range(100000) %}a{% endfor %}{% endfilter %}".into(),
        // Depth: of values, of chains of lazy values, of calls, of the source.
        "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}".into(),
        "{% set ns = namespace(l={}) %}{% for i in range(100000) %}{% set ns.l = {'a': ns.l} %}{% endfor %}".into(),
        "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = ns.l[:] %}{% endfor %}{{ ns.l|length }}".into(),
        "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = ns.l|reverse %}{% endfor %}{{ ns.l|list }}".into(),
        "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = ns.l|map('string') %}{% endfor %}{{ ns.l|list }}".into(),
        "{% set ns = namespace(x=none) %}{% for i in range(100000) %}{% set n = namespace() %}{% set n.x = ns.x %}{% set ns.x = n %}{% endfor %}".into(),
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".into(),
        "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}{{ ns.a == ns.a }}".into(),
        "{% set ns = namespace(m=none) %}{% for i in range(100000) %}{% set p = ns.m %}{% macro m() %}{{ p }}{% endmacro %}{% set ns.m = m %}{% endfor %}".into(),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".into(),
        "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}".into(),
        long("{{ ", "(", 5000, "1 }}"),
        long("{{ ", "[", 5000, "1 }}"),
        long("{{ ", "not ", 5000, "1 }}"),
        long("{{ ", "-", 5000, "1 }}"),
        long("{{ 1", "+1", 30_000, " }}"),
        long("{{ 1", "|abs", 20_000, " }}"),
        long("{{ a", ".a", 20_000, " }}"),
        long("{{ a", "[0]", 20_000, " }}"),
        long("{{ a", "()", 20_000, " }}"),
        long("{{ 1", " if 1 else 1", 5000, " }}"),
        long("{{ 1", "~1", 250, " }}"),
        long("", "{% if 1 %}", 5000, ""),
        long("", "{% if 1 %}", 140, &"{% endif %}".repeat(140)),
        long("", "{% for i in [1] %}", 5000, &"{% endfor %}".repeat(5000)),
        long("{% if 1 %}", "{% elif 1 %}", 5000, "{% endif %}"),
        long("", "{% set x = [x] %}", 5000, ""),
        long("", "{% set x = {'a': x}|items|list %}", 3000, ""),
        long("{% macro m0() %}{% endmacro %}", "{% macro m1() %}{{ m0() }}{% endmacro %}", 2500, ""),
        long("{{ {", "1:1,", 20_000, "} }}"),
        // Panics in the engine.
        "{{ 'abc'[0:2:-1] }}{{ 'abc'[::-9223372036854775807] }}{{ [1][5:1:-1] }}".into(),
        "{% set a = -9223372036854775807 - 1 %}{{ 'abc'[::a] }}{{ a // -1 }}{{ -a }}{{ a % -1 }}{{ a ** 100 }}".into(),
        "{{ 1 // 0 }}".into(),
        "{{ 1 % 0 }}".into(),
        "{{ loop.cycle() }}{% for i in [1] %}{{ loop.cycle() }}{% endfor %}".into(),
        "{{ [1, 'a', none, {}, []]|sort }}{{ [1, 'a']|max }}{{ none|length }}{{ 1|first }}{{ none|items }}".into(),
        "{{ f(**1) }}".into(),
        "{{ f(*1) }}".into(),
        "{{ 1.5|round(2147483647) }}{{ 1.5|round(-2147483648) }}{{ '1' * -5 }}".into(),
        "\u{0}{{ '\u{0}' }}{%".into(),
        "{{ '\\ud800' }}{{ '\\x' }}{{ '\\u' }}".into(),
        "{{ 99999999999999999999999999999999999999999999 }}".into(),
        "{{ 170141183460469231731687303715884105727 + 1 }}{{ 9223372036854775807 + 1 }}".into(),
    ];
    let run = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || {
        for source in hostile {
            let started = Instant::now();
            let result = render(&source);
            let shown: String = source.chars().take(120).collect();
            if let Ok(text) = &result {
                assert!(text.len() <= MAX_RENDERED, "{shown}: {} bytes", text.len());
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{shown} took {:?}", started.elapsed());
            if let Err(error) = result {
                assert_eq!(error.kind(), ErrorKind::Template, "{shown}: {error}");
            }
        }
    });
    run.unwrap().join().unwrap();
}

#[test]
fn long_conversations_render() {
    let messages: Vec<Message> = (0..1000)
        .map(|i| Message {
            role: if i % 2 == 0 { "user" } else { "assistant" }.into(),
            content: format!("message {i} {}", "text ".repeat(400)),
        })
        .collect();
    let source = "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('x') }}{% endif %}{{ '<' + m['role'] + '>' + m['content'] | trim + '\n' }}{% if loop.index0 == messages|length - 1 %}end{% endif %}{% endfor %}";
    let text = template(source).render(&messages, None, None, true).unwrap();
    assert!(text.len() > 2_000_000 && text.ends_with("end"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn any_source_renders_or_errs(source in "(\\{\\{|\\}\\}|\\{%|%\\}|[a-z'\\[\\]()|.~+*0-9 -]|messages|set |for |in |if |endif|endfor| ns){0,60}") {
        let _ = render(&source);
    }
}
