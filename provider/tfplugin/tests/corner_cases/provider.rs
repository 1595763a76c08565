//! A provider whose every object has its own trouble, chosen by its name.

use std::time::{Duration, SystemTime};

use tfplugin::prelude::*;
use tfplugin::{Dynamic, MoveSource};

/// Trouble of every kind.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(crate) struct Config {
    /// Where the world is. Default: here.
    #[tf(optional)]
    pub(crate) endpoint: Value<String>,
    /// Opens it.
    #[tf(optional, sensitive, validate(length(8..)))]
    pub(crate) token: Value<String>,
}

/// What configuring made of the endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct World(pub(crate) Value<String>);

pub(crate) struct Corner;

impl Provider for Corner {
    type Config = Config;
    type Clients = World;
    const NAME: &'static str = "corner";

    fn validate(config: &Config, found: &mut Diagnostics) {
        if config.endpoint == Value::from("nowhere") {
            let nowhere = Diagnostic::error("No such endpoint", "Found \"nowhere\". Use another.");
            found.push(nowhere.at(Config::paths().endpoint()));
        }
    }

    async fn configure(config: Config, terraform: Terraform) -> Result<World, Diagnostics> {
        if terraform.version == "0.1" {
            return Err(Diagnostic::error("Terraform is too old", "Use 1.11 or later.").into());
        }
        Ok(World(config.endpoint))
    }

    fn serves() -> Served<World> {
        Served::new()
            .resource::<Thing>()
            .resource::<Bare>()
            .data_source::<Lookup>()
            .ephemeral::<Lease>()
            .function::<Join>()
            .function::<Tell>()
            .function::<Half>()
    }
}

/// A thing with everything that a resource can have.
///
/// Its name decides what goes wrong; see [the tests](https://example.social/tests).
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(conflicts_with(paint, colour))]
pub(crate) struct Thing {
    /// What it is called; some names make trouble.
    #[tf(required, requires_replace, validate(length(1..=20)))]
    pub(crate) name: Value<String>,
    /// Whose it is, or nobody's.
    #[tf(required, nullable)]
    pub(crate) owner: Value<String>,
    /// How many there are. Default: `1`.
    #[tf(optional, default = 1, validate(range(0..=9)))]
    pub(crate) amount: Value<i64>,
    /// Its number, given once.
    #[tf(computed, use_state_for_unknown)]
    pub(crate) id: Value<String>,
    /// Its colour, where the user has no wish.
    #[tf(optional, computed)]
    pub(crate) colour: Value<String>,
    /// Its colour, as it was called before.
    #[tf(optional, deprecated = "Use `colour`.")]
    pub(crate) paint: Value<String>,
    /// Opens it.
    #[tf(optional, write_only, sensitive)]
    pub(crate) secret_wo: Value<String>,
    /// Change it to change the secret.
    #[tf(optional)]
    pub(crate) secret_wo_version: Value<i64>,
    /// How long the secret was that the last apply saw, in characters.
    #[tf(computed)]
    pub(crate) secret_length: Value<u64>,
    /// Anything at all.
    #[tf(optional)]
    pub(crate) data: Value<Dynamic>,
    /// Words on it.
    #[tf(optional)]
    pub(crate) labels: Value<Set<String>>,
    /// Its parts by name.
    #[tf(optional)]
    pub(crate) parts: Value<Map<Part>>,
    /// How it may be used.
    #[tf(block)]
    pub(crate) rule: Value<List<Part>>,
    /// How far it goes.
    #[tf(block)]
    pub(crate) limits: Value<Limits>,
    /// How long it may take.
    #[tf(timeouts(create = "30m", read = "1m"))]
    pub(crate) timeouts: Value<Timeouts>,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub(crate) struct Part {
    /// Its size in millimetres.
    #[tf(required, validate(range(1..)))]
    pub(crate) size: Value<i64>,
    /// Its serial number.
    #[tf(computed, use_state_for_unknown)]
    pub(crate) serial: Value<String>,
}

/// Limits.
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(required_together(low, high))]
pub(crate) struct Limits {
    /// The least.
    #[tf(optional)]
    pub(crate) low: Value<tfplugin::Number>,
    /// The most.
    #[tf(optional)]
    pub(crate) high: Value<tfplugin::Number>,
}

/// What names a thing in the world.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(crate) struct Identity {
    /// Its name.
    #[tf(required)]
    pub(crate) name: Value<String>,
    /// Where it is.
    #[tf(optional)]
    pub(crate) place: Value<String>,
}

impl Thing {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), rule: Value::Known(Vec::new()), ..Self::default() }
    }

    fn is_named(&self, name: &str) -> bool {
        self.name == Value::from(name)
    }

    /// Everything unknown has turned out.
    fn made(self, config: &Self) -> Self {
        let made = |value: Value<String>, made: &str| if value.is_unknown() { made.into() } else { value };
        let part = |part: Value<Part>| part.map(|part| Part { serial: made(part.serial, "serial"), ..part });
        Self {
            id: made(self.id, "id"),
            colour: made(self.colour, "grey"),
            secret_length: config.secret_wo.known().map_or(0, |secret| secret.len() as u64).into(),
            parts: self.parts.map(|parts| parts.into_iter().map(|(name, each)| (name, part(each))).collect()),
            rule: self.rule.map(|rules| rules.into_iter().map(part).collect()),
            ..self
        }
    }
}

fn trouble(summary: &str) -> Diagnostic {
    Diagnostic::error(summary, "As its name says.")
}

impl Resource for Thing {
    type Clients = World;
    type Model = Self;
    type Identity = Identity;
    const NAME: &'static str = "thing";
    const SUBCATEGORY: &'static str = "Trouble";
    const VERSION: u32 = 2;

    fn validate(config: &Self, found: &mut Diagnostics) {
        if config.is_named("forbidden") {
            found.push(trouble("Forbidden name").at(Self::paths().name()));
        }
    }

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        if plan.planned.is_named("impossible") {
            return Err(trouble("Cannot become so").at(Self::paths().name()).into());
        }
        if plan.planned.is_named("foreseen") {
            plan.planned.colour = "foreseen".into();
            plan.warn(Diagnostic::warning("Foreseen", "The plan knew."));
        }
        if let Some(prior) = plan.prior.as_ref().filter(|_| plan.planned.is_named("spelt otherwise")) {
            plan.planned.name = prior.name.clone();
        }
        if plan.prior.as_ref().is_some_and(|prior| prior.owner != plan.planned.owner) {
            plan.requires_replace(Self::paths().owner());
        }
        Ok(())
    }

    fn plan_destroy(prior: &Self) -> Result<(), Diagnostics> {
        if prior.is_named("protected") { Err(trouble("Protected").into()) } else { Ok(()) }
    }

    async fn read(call: &Call<World>, state: Self) -> Result<Option<Self>, Diagnostics> {
        let reads: u64 = call.note("reads").unwrap_or(0);
        call.set_note("reads", reads + 1);
        match state.name.known().map_or("", String::as_str) {
            "gone" => return Ok(None),
            "unreadable" => return Err(trouble("Cannot be read").into()),
            "unreachable" => call.warn(Diagnostic::warning("Not reachable", "The state is what was known.")),
            "unknowing" => return Ok(Some(Self { colour: Value::Unknown, ..state })),
            _ => {}
        }
        Ok(Some(state))
    }

    async fn create(call: &Call<World>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        let planned = wanted.planned.clone();
        call.set_note(
            "minutes",
            call.deadline().map(|end| (end - tokio::time::Instant::now()).as_secs_f64() / 60.0),
        );
        match planned.name.known().map_or("", String::as_str) {
            "nothing" => return Err(CreateError::nothing(trouble("Nothing was made"))),
            "exists" => return Err(CreateError::exists(planned, trouble("Half of it was made"))),
            "panic" => panic!("as its name says"),
            "leak" => {
                return Ok(Self {
                    secret_wo: wanted.config.secret_wo.clone(),
                    ..planned.made(&wanted.config)
                });
            }
            "unfinished" => return Ok(planned),
            "slow" => {
                tokio::select! {
                    () = call.cancel().cancelled() => {}
                    () = tokio::time::sleep(Duration::from_hours(1)) => {}
                }
                return Err(CreateError::nothing(trouble("Stopped")));
            }
            _ => {}
        }
        call.warn(Diagnostic::warning("Made", "It was made."));
        let made = planned.made(&wanted.config);
        if made.is_named("other") { Ok(Self { amount: 9.into(), ..made }) } else { Ok(made) }
    }

    async fn update(call: &Call<World>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        call.set_note("updated", true);
        match prior.name.known().map_or("", String::as_str) {
            "half" => {
                let reached = Self { amount: wanted.planned.amount, colour: Value::Unknown, ..prior };
                Err(Reached::new(reached, trouble("Half of it was changed")))
            }
            "panic" => panic!("as its name says"),
            _ => Ok(wanted.planned.made(&wanted.config)),
        }
    }

    async fn delete(_: &Call<World>, state: Self) -> Result<(), Reached<Self>> {
        if state.is_named("sticky") { Err(Reached::new(state, trouble("Still there"))) } else { Ok(()) }
    }

    async fn import(call: &Call<World>, object: ImportId<Identity>) -> Result<Self, Diagnostics> {
        call.set_note("imported", true);
        match object {
            ImportId::Id(id) if id.is_empty() => Err(trouble("Empty id").into()),
            ImportId::Id(id) => Ok(Self { name: id.into(), ..Self::default() }),
            ImportId::Identity(identity) => Ok(Self { name: identity.name, ..Self::default() }),
        }
    }

    fn identity(state: &Self) -> Option<Identity> {
        Some(Identity { name: state.name.clone(), place: "here".into() })
    }

    fn upgrade(version: u32, state: serde_json::Value) -> Result<Self, Diagnostics> {
        let title = state.get("title").and_then(serde_json::Value::as_str);
        match (version, title) {
            (1, Some(title)) => Ok(Self { name: title.into(), ..Self::default() }),
            _ => Err(trouble("Cannot be upgraded").into()),
        }
    }

    fn move_from(source: &MoveSource) -> Result<Option<Self>, Diagnostics> {
        if source.type_name != "other_thing" {
            return Ok(None);
        }
        let identity = source.identity.as_ref().and_then(|identity| identity.get("title"));
        let title = source.state.get("title").or(identity).and_then(serde_json::Value::as_str);
        let title = title.ok_or_else(|| trouble("No title"))?;
        Ok(Some(Self { name: title.into(), ..Self::default() }))
    }
}

/// The least that a resource can be.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(crate) struct Bare {
    /// What it is called.
    #[tf(required)]
    pub(crate) name: Value<String>,
}

impl Resource for Bare {
    type Clients = World;
    type Model = Self;
    type Identity = Nothing;
    const NAME: &'static str = "bare";
    const VERSION: u32 = 1;

    async fn read(_: &Call<World>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Ok(Some(state))
    }

    async fn create(_: &Call<World>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Ok(wanted.planned)
    }

    async fn update(_: &Call<World>, _: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Ok(wanted.planned)
    }

    async fn delete(_: &Call<World>, _: Self) -> Result<(), Reached<Self>> {
        Ok(())
    }
}

/// Something to look up.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(crate) struct Lookup {
    /// What it is called.
    #[tf(required)]
    pub(crate) name: Value<String>,
    /// Where it was found.
    #[tf(computed)]
    pub(crate) place: Value<String>,
}

impl DataSource for Lookup {
    type Clients = World;
    type Model = Self;
    const NAME: &'static str = "lookup";

    fn validate(config: &Self, found: &mut Diagnostics) {
        if config.name == Value::from("forbidden") {
            found.push(trouble("Forbidden name").at(Self::paths().name()));
        }
    }

    async fn read(call: &Call<World>, config: Self) -> Result<Self, Diagnostics> {
        call.warn(Diagnostic::warning("Looked", "It was looked up."));
        if config.name == Value::from("missing") {
            return Err(trouble("No such thing").into());
        }
        Ok(Self { place: call.clients().0.clone(), ..config })
    }
}

/// A lease that ends.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(crate) struct Lease {
    /// Who takes it.
    #[tf(required)]
    pub(crate) user: Value<String>,
    /// What opens the door.
    #[tf(computed, sensitive)]
    pub(crate) key: Value<String>,
}

impl EphemeralResource for Lease {
    type Clients = World;
    type Model = Self;
    const NAME: &'static str = "lease";

    async fn open(call: &Call<World>, config: Self) -> Result<Opened<Self>, Diagnostics> {
        call.warn(Diagnostic::warning("Opened", "It was opened."));
        if config.user == Value::from("nobody") {
            return Err(trouble("No lease").into());
        }
        call.set_note("user", config.user.known());
        let renew_at = Some(SystemTime::UNIX_EPOCH + Duration::from_mins(1));
        Ok(Opened { result: Self { key: "open sesame".into(), ..config }, renew_at })
    }

    async fn renew(call: &Call<World>) -> Result<Option<SystemTime>, Diagnostics> {
        let user: String = call.note("user").ok_or_else(|| trouble("Renewed without a note"))?;
        let times: u64 = call.note("times").unwrap_or(0);
        call.set_note("times", times + 1);
        call.warn(Diagnostic::warning("Renewed", format!("{user}, {times} times before.")));
        Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_mins(2)))
    }

    async fn close(call: &Call<World>) -> Result<(), Diagnostics> {
        let times: u64 = call.note("times").unwrap_or(0);
        call.warn(Diagnostic::warning("Closed", format!("Renewed {times} times.")));
        Ok(())
    }
}

#[derive(Parameters)]
pub(crate) struct Join {
    /// What stands between them.
    separator: String,
    /// What is joined; null is left out.
    #[tf(variadic)]
    words: Vec<Option<String>>,
}

impl Function for Join {
    type Parameters = Self;
    type Result = String;
    const NAME: &'static str = "join";
    const SUMMARY: &'static str = "Joins words.";
    const DESCRIPTION: &'static str = "The words, with the separator between them.";

    fn call(join: Self) -> Result<String, FunctionError> {
        if let Some(empty) = join.words.iter().position(|word| word.as_deref() == Some("")) {
            return Err(FunctionError::on(
                Self::WORDS.nth(empty),
                "It is empty; write null to leave it out.",
            ));
        }
        Ok(join.words.into_iter().flatten().collect::<Vec<_>>().join(&join.separator))
    }
}

#[derive(Parameters)]
pub(crate) struct Tell {
    /// Anything.
    value: Value<String>,
}

impl Function for Tell {
    type Parameters = Self;
    type Result = String;
    const NAME: &'static str = "tell";
    const SUMMARY: &'static str = "Tells null, unknown and known apart.";
    const DESCRIPTION: &'static str = "A word for it.";

    fn call(tell: Self) -> Result<String, FunctionError> {
        Ok(match tell.value {
            Value::Null => "null".to_owned(),
            Value::Unknown => "unknown".to_owned(),
            Value::Known(text) => text,
        })
    }
}

#[derive(Parameters)]
pub(crate) struct Half {
    /// Told in errors.
    #[expect(dead_code, reason = "only its place among the arguments matters")]
    name: String,
    /// An even number.
    number: i64,
}

impl Function for Half {
    type Parameters = Self;
    type Result = i64;
    const NAME: &'static str = "half";
    const SUMMARY: &'static str = "Halves a number.";
    const DESCRIPTION: &'static str = "Half of an even number.";

    fn call(half: Self) -> Result<i64, FunctionError> {
        assert_ne!(half.number, 666, "as the number says");
        if half.number % 2 == 0 {
            Ok(half.number / 2)
        } else {
            Err(FunctionError::on(Self::NUMBER, format!("{} is odd; use an even number.", half.number)))
        }
    }
}
