"""moto's server, as strict as Route 53 about the record sets of a zone.

moto keeps record sets in a list and checks little: it deletes every set that shares a set identifier, whatever its
name, creates what exists already, applies half a batch before it refuses the rest, forgets geoproximity and CIDR
routing, and answers names as they were written. Tests on that would prove nothing, so this keeps the sets of a zone
by their identity and follows the documented behaviour of Route 53. Everything else is moto's own.

Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html

moto names some of S3's answers after the call, as no S3 does; here they have the roots that S3's reference gives them.
It forgets the tags that a bucket is made with; here it has them.
"""

import re
import socket
import threading

import xmltodict
from moto import server
from moto.route53.exceptions import HostedZoneNotEmpty, InvalidInput, Route53ClientError
from moto.route53.models import FakeZone, Route53Backend
from moto.route53.responses import Route53
from moto.core.responses import ActionResult
from moto.s3.responses import S3Response

APEX_TYPES = ("NS", "SOA")
ESCAPE = re.compile(r"\\(\d{3})")
PLAIN = re.compile(r"[a-z0-9._-]")
ONE_CHANGE_AT_A_TIME = threading.Lock()


class Refused(Route53ClientError):
    """A change that Route 53 does not take; the whole batch is then without effect."""

    def __init__(self, message):
        super().__init__("InvalidChangeBatch", f"[{message}]")


def canonical(name):
    """A name as Route 53 answers it: absolute, in lower case, unusual characters as three octal digits."""
    plain = ESCAPE.sub(lambda escape: chr(int(escape[1], 8)), name).lower().rstrip(".") + "."
    return "".join(c if PLAIN.match(c) else f"\\{ord(c):03o}" for c in plain)


def identity(record_set):
    return (record_set["Name"], record_set["Type"], record_set.get("SetIdentifier"))


def order(key):
    """Route 53 lists by reversed name, then type, then set identifier."""
    name, kind, identifier = key
    return (name.rstrip(".").split(".")[::-1], kind, identifier or "")


def values(record_set):
    return [record["Value"] for record in record_set.get("ResourceRecords") or []]


def content(record_set):
    """What must agree between a DELETE and the set that it deletes; the order of values is free."""
    rest = {field: value for field, value in record_set.items() if field != "ResourceRecords"}
    rest["TTL"] = str(record_set.get("TTL", ""))
    return rest, sorted(values(record_set))


def described(record_set):
    name, kind, identifier = identity(record_set)
    suffix = f", set-identifier='{identifier}'" if identifier else ""
    return f"resource record set [name='{name}', type='{kind}'{suffix}]"


def normalised(record_set, zone_name):
    result = {**record_set, "Name": canonical(record_set["Name"])}
    if result["Name"] != zone_name and not result["Name"].endswith("." + zone_name):
        raise Refused(f"RRSet with DNS name {result['Name']} is not permitted in zone {zone_name}")
    if len(set(values(result))) != len(values(result)):
        raise Refused(f"Duplicate Resource Record in {described(result)}")
    if alias := result.get("AliasTarget"):
        result["AliasTarget"] = {**alias, "DNSName": canonical(alias["DNSName"])}
    return result


def create(sets, record_set):
    if identity(record_set) in sets:
        raise Refused(f"Tried to create {described(record_set)} but it already exists")
    sets[identity(record_set)] = record_set


def upsert(sets, record_set):
    sets[identity(record_set)] = record_set


def delete(sets, record_set):
    existing = sets.get(identity(record_set))
    if existing is None:
        raise Refused(f"Tried to delete {described(record_set)} but it was not found")
    if content(existing) != content(record_set):
        raise Refused(
            f"Tried to delete {described(record_set)} but the values provided do not match the current values"
        )
    del sets[identity(record_set)]


ACTIONS = {"CREATE": create, "UPSERT": upsert, "DELETE": delete}


def check_neighbours(sets, names, zone_name):
    """What holds between sets of one name, once a whole batch is applied."""
    neighbours = {}
    for name, kind, identifier in sets:
        if name in names:
            neighbours.setdefault(name, {}).setdefault(kind, []).append(identifier)
    for name, kinds in neighbours.items():
        if "CNAME" in kinds and (len(kinds) > 1 or name == zone_name):
            raise Refused(
                f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other "
                f"records with the same DNS name in zone {zone_name}"
            )
        for kind, identifiers in kinds.items():
            if len(identifiers) > 1 and None in identifiers:
                raise Refused(f"RRSet with DNS name {name}, type {kind} must all have a set identifier or be alone")


def check_apex(sets, zone_name):
    for kind in APEX_TYPES:
        if (zone_name, kind, None) not in sets:
            raise Refused(f"A HostedZone must contain at least one {kind} record for the zone itself")


def add_record_set(zone, record_set):
    """moto calls this for the NS and SOA that a new zone starts with; it gives the name servers as plain strings."""
    records = [r if isinstance(r, dict) else {"Value": canonical(r)} for r in record_set["ResourceRecords"]]
    created = {**record_set, "Name": canonical(record_set["Name"]), "ResourceRecords": records}
    zone.__dict__.setdefault("sets", {})[identity(created)] = created


def change_record_sets(backend, zoneid, change_list):
    zone = backend.get_hosted_zone(zoneid)
    zone_name = canonical(zone.name)
    sets = dict(zone.sets)
    names = set()
    for change in change_list:
        record_set = normalised(change["ResourceRecordSet"], zone_name)
        ACTIONS[change["Action"]](sets, record_set)
        names.add(record_set["Name"])
    check_neighbours(sets, names, zone_name)
    check_apex(sets, zone_name)
    zone.sets = sets


def change_in_turn(backend, zoneid, change_list):
    """Requests are threads: two changes at once would both begin with the same sets, and the later one win."""
    with ONE_CHANGE_AT_A_TIME:
        change_record_sets(backend, zoneid, change_list)


def list_record_sets(response):
    """A page, from the name, type and identifier that it is asked to start with."""
    zone = response.backend.get_hosted_zone(response._get_param("HostedZoneId"))
    start = [response._get_param(f"StartRecord{part}") for part in ("Name", "Type", "Identifier")]
    if start[1] and not start[0]:
        raise InvalidInput("The input is not valid")
    first = order((canonical(start[0] or "."), start[1] or "", start[2]))
    keys = sorted(zone.sets, key=order)
    if start[0]:
        keys = [key for key in keys if order(key) >= first]
    limit = response._get_int_param("MaxItems", 300)
    page, rest = keys[:limit], keys[limit:]
    result = {"ResourceRecordSets": [zone.sets[key] for key in page], "IsTruncated": bool(rest), "MaxItems": limit}
    if rest:
        result.update(zip(("NextRecordName", "NextRecordType", "NextRecordIdentifier"), rest[0]))
    return ActionResult(result)


def list_zones_by_name(backend, dnsname):
    """All zones from `dnsname` on, in the order of reversed names: the wanted one is first if it is there."""
    by_name = lambda name: canonical(name).rstrip(".").split(".")[::-1]
    zones = sorted(backend.zones.values(), key=lambda zone: (by_name(zone.name), zone.resource_id))
    return dnsname, [zone for zone in zones if not dnsname or by_name(zone.name) >= by_name(dnsname)]


def delete_zone(backend, id_):
    zone = backend.get_hosted_zone(id_)
    apex = {(canonical(zone.name), kind, None) for kind in APEX_TYPES}
    if set(zone.sets) - apex:
        raise HostedZoneNotEmpty()
    return backend.zones.pop(zone.resource_id)


S3_ROOTS = {
    "GetBucketVersioningResponse": "VersioningConfiguration",
    "GetBucketTaggingResponse": "Tagging",
    "GetBucketLifecycleConfigurationResponse": "LifecycleConfiguration",
}
S3_ROOT = re.compile(r"(</?)(" + "|".join(S3_ROOTS) + r")\b")
serialized_by_moto = S3Response.serialized


def serialized(response, result):
    status, headers, body = serialized_by_moto(response, result)
    if isinstance(body, str):
        body = S3_ROOT.sub(lambda root: root[1] + S3_ROOTS[root[2]], body)
    return status, headers, body


put_bucket_of_moto = S3Response._bucket_response_put


def put_bucket(response, request, bucket_name, querystring):
    """A new bucket has the tags of the call that makes it; moto forgets them. One that is there keeps its own."""
    is_new = not querystring and bucket_name not in response.backend.buckets
    answer = put_bucket_of_moto(response, request, bucket_name, querystring)
    if is_new and response.body:
        configuration = xmltodict.parse(response.body, force_list=("Tag",))["CreateBucketConfiguration"] or {}
        tags = (configuration.get("Tags") or {}).get("Tag", [])
        if tags:
            response.backend.put_bucket_tagging(bucket_name, {tag["Key"]: tag["Value"] for tag in tags})
    return answer


S3Response.serialized = serialized
S3Response._bucket_response_put = put_bucket
FakeZone.add_rrset = add_record_set
FakeZone.resource_record_set_count = property(lambda zone: len(zone.sets))
Route53Backend.change_resource_record_sets = change_in_turn
Route53Backend.list_hosted_zones_by_name = list_zones_by_name
Route53Backend.delete_hosted_zone = delete_zone
Route53.list_resource_record_sets = list_record_sets

# Python's server asks DNS for the name of the address that it listens on: of no use, and it leaves the machine.
socket.getfqdn = lambda name="": name

if __name__ == "__main__":
    server.main()
