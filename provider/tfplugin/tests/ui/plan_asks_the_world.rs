use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(required)]
    name: Value<String>,
}

struct Clients;

impl Resource for Zone {
    type Clients = Clients;
    type Model = Self;
    type Identity = Nothing;
    const NAME: &'static str = "zone";

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        let _ = plan.clients();
        Ok(())
    }

    async fn read(_: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Ok(Some(state))
    }

    async fn create(_: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Ok(wanted.planned)
    }

    async fn update(_: &Call<Clients>, _: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Ok(wanted.planned)
    }

    async fn delete(_: &Call<Clients>, _: Self) -> Result<(), Reached<Self>> {
        Ok(())
    }
}

fn main() {}
