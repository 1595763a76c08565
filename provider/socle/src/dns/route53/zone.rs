//! Zones as plain data.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_route53::operation::create_hosted_zone::CreateHostedZoneOutput;
use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::types::{self as sdk, ChangeInfo, DelegationSet, HostedZone, VpcRegion};

use super::super::DnsName;
use super::error::Cause;

/// A zone as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSummary {
    /// The zone's id, without `/hostedzone/`.
    pub id: String,
    /// The apex.
    pub name: DnsName,
    /// The value that made the creating call unique.
    pub caller_reference: String,
    /// The comment; none when it is empty.
    pub comment: Option<String>,
    /// Whether only VPCs see the zone.
    pub private: bool,
    /// How many record sets it holds, those of Route 53 included.
    pub record_set_count: u64,
}

/// A zone with what serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDetails {
    /// The zone.
    pub zone: ZoneSummary,
    /// The names of its servers, in Route 53's order, without a final dot; none for a private zone.
    pub name_servers: Vec<String>,
    /// The VPCs that see a private zone.
    pub vpcs: BTreeSet<Vpc>,
}

/// A zone that was just created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedZone {
    /// The zone.
    pub details: ZoneDetails,
    /// The change that spreads it to the servers.
    pub change: ChangeId,
}

/// A zone to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewZone {
    /// The apex.
    pub name: DnsName,
    /// A value that was never used before in this account, not even for a zone that is gone.
    pub caller_reference: String,
    /// The comment, at most 256 characters.
    pub comment: Option<String>,
    /// The first VPC of a private zone; none makes a public one.
    pub vpc: Option<Vpc>,
}

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vpc {
    /// Its id, such as `vpc-0a1b2c3d`.
    pub id: String,
    /// Its region.
    pub region: String,
}

/// A change that spreads to Route 53's servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeId(String);

impl ChangeId {
    /// The id, without `/change/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Vpc {
    pub(super) fn to_sdk(&self) -> sdk::Vpc {
        sdk::Vpc::builder().vpc_id(&self.id).vpc_region(VpcRegion::from(self.region.as_str())).build()
    }

    fn from_sdk(vpc: &sdk::Vpc) -> Self {
        let region = vpc.vpc_region().map(VpcRegion::as_str);
        Self {
            id: vpc.vpc_id().unwrap_or_default().to_owned(),
            region: region.unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for Vpc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.id, self.region)
    }
}

pub(super) fn summary(zone: &HostedZone) -> Result<ZoneSummary, Cause> {
    let name = zone.name.parse().map_err(|error| Cause::Answer(format!("the zone's name: {error}")))?;
    let config = zone.config();
    let comment = config.and_then(|config| config.comment()).filter(|comment| !comment.is_empty());
    Ok(ZoneSummary {
        id: bare(&zone.id).to_owned(),
        name,
        caller_reference: zone.caller_reference.clone(),
        comment: comment.map(str::to_owned),
        private: config.is_some_and(|config| config.private_zone),
        record_set_count: zone.resource_record_set_count.and_then(|count| count.try_into().ok()).unwrap_or(0),
    })
}

pub(super) fn details(output: &GetHostedZoneOutput) -> Result<ZoneDetails, Cause> {
    describe(output.hosted_zone(), output.delegation_set(), output.vpcs())
}

pub(super) fn created(output: &CreateHostedZoneOutput) -> Result<CreatedZone, Cause> {
    let details = describe(output.hosted_zone(), output.delegation_set(), output.vpc())?;
    Ok(CreatedZone { details, change: change(output.change_info())? })
}

fn describe<'a>(
    zone: Option<&HostedZone>,
    servers: Option<&DelegationSet>,
    vpcs: impl IntoIterator<Item = &'a sdk::Vpc>,
) -> Result<ZoneDetails, Cause> {
    let zone = zone.ok_or_else(|| Cause::Answer("it holds no zone".to_owned()))?;
    let name_servers = servers.map(|set| set.name_servers.clone()).unwrap_or_default();
    Ok(ZoneDetails {
        zone: summary(zone)?,
        name_servers,
        vpcs: vpcs.into_iter().map(Vpc::from_sdk).collect(),
    })
}

pub(super) fn change(info: Option<&ChangeInfo>) -> Result<ChangeId, Cause> {
    let info = info.ok_or_else(|| Cause::Answer("it holds no change id".to_owned()))?;
    Ok(ChangeId(bare(&info.id).to_owned()))
}

/// An id without the path that Route 53 writes before it.
fn bare(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, id)| id)
}
