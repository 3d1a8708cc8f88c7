//! The arguments that cargo passes to every test binary, as far as they mean this one.

/// How much of it is wanted: how long it plays, or how much it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Short,
    Long,
}

pub enum Order {
    Play(Form),
    /// Do nothing, and say this.
    Say(String),
}

/// Options of the usual test harness that are followed by a value.
const WITH_VALUE: [&str; 6] = ["--test-threads", "--format", "--color", "--logfile", "--shuffle-seed", "-Z"];

/// What the test binary of this name has to do.
pub fn read(name: &str, arguments: impl Iterator<Item = String>) -> Order {
    let mut arguments = arguments;
    let mut form = Form::Short;
    let mut exact = false;
    let mut wanted = Vec::new();
    let mut skipped = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--long" => form = Form::Long,
            "--exact" => exact = true,
            "--list" => return Order::Say(format!("{name}: test")),
            "--ignored" => return Order::Say(format!("{name}: nothing here is ignored")),
            "--skip" => skipped.extend(arguments.next()),
            option if WITH_VALUE.contains(&option) => _ = arguments.next(),
            option if option.starts_with('-') => {}
            _ => wanted.push(argument),
        }
    }
    let means_this = |filter: &String| if exact { filter == name } else { name.contains(filter.as_str()) };
    if skipped.iter().any(means_this) || !(wanted.is_empty() || wanted.iter().any(means_this)) {
        return Order::Say(format!("{name}: not asked for"));
    }
    Order::Play(form)
}
