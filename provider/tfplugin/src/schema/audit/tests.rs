#![allow(non_snake_case, reason = "a defect that is looked for")]

use crate::prelude::*;

/// Careless
#[derive(Debug, Clone, PartialEq, Model)]
struct Careless {
    /// How often it may be tried.
    #[tf(optional, default = 0, validate(range(1..=9)))]
    retries: Value<i64>,
    /// Opens the door.
    #[tf(optional)]
    api_token: Value<String>,
    /// How many.
    #[tf(optional)]
    count: Value<i64>,
    /// Named otherwise
    #[tf(optional)]
    maxSize: Value<Inner>,
    /// Its doors.
    #[tf(optional)]
    doors: Value<Set<Door>>,
    /// Its windows.
    #[tf(block)]
    window: Value<Set<Window>>,
    /// Its lamps.
    #[tf(optional)]
    lamps: Value<Set<Lamp>>,
}

/// A result, and a default beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Door {
    /// Its number.
    #[tf(computed)]
    number: Value<String>,
    /// Its colour. Default: `red`.
    #[tf(optional, default = "red")]
    colour: Value<String>,
}

/// A choice of the provider's where the user makes none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Window {
    /// Its width in centimetres.
    #[tf(optional, computed)]
    width: Value<i64>,
}

/// All that the user left out has a default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Lamp {
    /// Its power in watts. Default: `5`.
    #[tf(optional, default = 5)]
    power: Value<i64>,
}

/// What stands inside.
#[derive(Debug, Clone, PartialEq, Model)]
struct Inner {
    /// The first password.
    #[tf(optional, write_only)]
    password_wo: Value<String>,
    /// Its private key.
    #[tf(required)]
    private_key: Value<String>,
    /// The key of a host, which everybody may know.
    #[tf(required)]
    host_key: Value<String>,
    /// Whether it is asked for. Default: `true`.
    #[tf(optional, default = true)]
    ask_for_password: Value<bool>,
}

/// What names it.
#[derive(Debug, Clone, PartialEq, Model)]
struct Named {
    /// Its parts.
    #[tf(required)]
    parts: Value<Map<String>>,
}

impl Provider for Careless {
    type Config = Self;
    type Clients = ();
    const NAME: &'static str = "careless";

    async fn configure(_: Self, _: Terraform) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn serves() -> Served<()> {
        Served::new().resource::<Self>().function::<Shout>().function::<Shout>()
    }
}

impl Resource for Careless {
    type Clients = ();
    type Model = Inner;
    type Identity = Named;
    const NAME: &'static str = "inner__thing";

    async fn read(_: &Call<()>, state: Inner) -> Result<Option<Inner>, Diagnostics> {
        Ok(Some(state))
    }

    async fn create(_: &Call<()>, wanted: Wanted<Inner>) -> Result<Inner, CreateError<Inner>> {
        Ok(wanted.planned)
    }

    async fn update(_: &Call<()>, _: Inner, wanted: Wanted<Inner>) -> Result<Inner, Reached<Inner>> {
        Ok(wanted.planned)
    }

    async fn delete(_: &Call<()>, _: Inner) -> Result<(), Reached<Inner>> {
        Ok(())
    }
}

#[derive(Parameters)]
struct Shout {
    /// What to shout
    text: String,
}

impl Function for Shout {
    type Parameters = Self;
    type Result = String;
    const NAME: &'static str = "shout";
    const SUMMARY: &'static str = "";
    const DESCRIPTION: &'static str = "The text in capitals.";

    fn call(shout: Self) -> Result<String, FunctionError> {
        Ok(shout.text.to_uppercase())
    }
}

#[test]
fn finds_every_defect_and_nothing_else() {
    assert_eq!(
        super::audit::<Careless>(),
        [
            "function shout: is served twice",
            "provider careless: the description has no final full stop",
            "provider careless: count: Terraform keeps this name for itself",
            "provider careless: retries: the description does not state the default",
            "provider careless: retries: the default is not valid: found 0",
            "provider careless: api_token: sounds like a secret, and is neither sensitive nor write-only",
            "provider careless: maxSize: the name \"maxSize\" is not in snake case",
            "provider careless: maxSize: the description has no final full stop",
            "provider careless: maxSize.private_key: sounds like a secret, and is neither sensitive nor write-only",
            "provider careless: doors: in a set, elements that differ in colour alone can be taken for each other: \
             use a map or a list",
            "provider careless: window: in a set, elements that differ in width alone can be taken for each other: \
             use a map or a list",
            "provider careless: maxSize.password_wo: only a resource can have write-only arguments",
            "resource inner__thing: the name \"inner__thing\" is not in snake case",
            "resource inner__thing: private_key: sounds like a secret, and is neither sensitive nor write-only",
            "identity of inner__thing: parts: is neither a plain value nor a list of these",
            "function shout: summary: has no description",
            "function shout: text: the description has no final full stop",
        ]
    );
}
