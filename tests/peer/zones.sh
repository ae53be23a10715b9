#!/bin/sh
# Zones signed by `vouch sign` are accepted by ldns-verify-zone, dnssec-verify and kzonecheck, and
# zones signed by ldns-signzone and dnssec-signzone by `vouch verify`. Prints `ok NAME` or
# `not ok NAME`, a line each. usage: zones.sh VOUCH
set -u
vouch=${1:-${VOUCH:?usage: zones.sh VOUCH}}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# Runs a command quietly; on failure shows what it said.
try() {
    name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "ok $name"
    else
        echo "not ok $name"
        sed 's/^/  /' "$work/said"
        failed=1
    fi
}

cat >"$work/zone" <<'ZONE'
$ORIGIN example.com.
$TTL 3600
@          SOA   ns hostmaster 2026080101 3600 900 604800 300
@          NS    ns
@          NS    ns.elsewhere.test.
@          MX    10 Mail
@          TXT   "one" "two; three"
@          CAA   0 issue "ca.test"
ns         A     192.0.2.1
ns         AAAA  2001:db8::1
mail       A     192.0.2.2
_25._tcp.mail TLSA 3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
*.wild     A     192.0.2.3
www        CNAME mail
svc        HTTPS 1 . alpn=h2
a.b.c.deep TXT   "under empty non-terminals"
secure     NS    ns.secure
secure     DS    12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
ns.secure  A     192.0.2.4
plain      NS    ns.plain
ns.plain   A     192.0.2.5
x.y.only   NS    ns
old        DNAME new
odd        TYPE65280 \# 3 010203
ZONE

make_keys() { # ALGORITHM LAYOUT
    rm -rf "$work/keys"
    mkdir "$work/keys"
    if [ "$2" = csk ]; then
        "$vouch" keystore generate -K "$work/keys" --algorithm "$1" --role csk example.com
    else
        "$vouch" keystore generate -K "$work/keys" --algorithm "$1" --role ksk example.com &&
            "$vouch" keystore generate -K "$work/keys" --algorithm "$1" --role zsk example.com
    fi >"$work/key-names"
}

judge() { # NAME
    try "$1 ldns-verify-zone" ldns-verify-zone -ZZ "$work/signed"
    try "$1 dnssec-verify" dnssec-verify -z -o example.com "$work/signed"
    try "$1 kzonecheck" kzonecheck -o example.com -d on "$work/signed"
    try "$1 vouch verify" "$vouch" verify --zonemd "$work/signed"
}

for algorithm in RSASHA256 RSASHA512 ECDSAP256SHA256 ECDSAP384SHA384 ED25519 ED448; do
    for layout in ksk-zsk csk; do
        make_keys "$algorithm" "$layout" || failed=1
        for denial in nsec nsec3 opt-out; do
            case $denial in
            nsec) flags= ;;
            nsec3) flags=--nsec3 ;;
            opt-out) flags=--opt-out ;;
            esac
            # shellcheck disable=SC2086,SC2046
            try "$algorithm $layout $denial vouch sign" "$vouch" sign $flags --zonemd --cds \
                -f "$work/signed" "$work/zone" $(cat "$work/key-names")
            judge "$algorithm $layout $denial"
        done
    done
done

# The other way round: what others sign, with keys of ours.
make_keys ECDSAP256SHA256 ksk-zsk
# shellcheck disable=SC2046
try "ldns-signzone with our keys" ldns-signzone -o example.com -f "$work/theirs" "$work/zone" \
    $(cat "$work/key-names")
try "vouch verify of ldns-signzone" "$vouch" verify "$work/theirs"
# shellcheck disable=SC2046
try "ldns-signzone with NSEC3" ldns-signzone -n -p -o example.com -f "$work/theirs" "$work/zone" \
    $(cat "$work/key-names")
try "vouch verify of ldns-signzone with NSEC3" "$vouch" verify "$work/theirs"
cat "$work/zone" "$work"/keys/*.key >"$work/zone-with-keys"
# shellcheck disable=SC2046
try "dnssec-signzone with our keys" dnssec-signzone -o example.com -d "$work" -f "$work/theirs" \
    "$work/zone-with-keys" $(cat "$work/key-names")
try "vouch verify of dnssec-signzone" "$vouch" verify "$work/theirs"
# shellcheck disable=SC2046
try "dnssec-signzone with NSEC3" dnssec-signzone -3 aabb -o example.com -d "$work" \
    -f "$work/theirs" "$work/zone-with-keys" $(cat "$work/key-names")
try "vouch verify of dnssec-signzone with NSEC3" "$vouch" verify "$work/theirs"

# A DS is the same from either side.
for key in $(cat "$work/key-names"); do
    "$vouch" ds "$key" | tr 'a-f' 'A-F' | awk '{print $4, $5, $6, $7}' >"$work/ds-ours"
    dnssec-dsfromkey -2 "$key" | tr 'a-f' 'A-F' | awk '{print $4, $5, $6, $7}' >"$work/ds-theirs"
    try "DS of $(basename "$key" | cut -d+ -f2)" cmp "$work/ds-ours" "$work/ds-theirs"
done

# One altered record in a signed zone is refused.
make_keys ED25519 csk
# shellcheck disable=SC2046
"$vouch" sign -f "$work/signed" "$work/zone" $(cat "$work/key-names") &&
    sed 's/192\.0\.2\.2$/192.0.2.66/' "$work/signed" >"$work/altered"
if "$vouch" verify "$work/altered" >"$work/faults" 2>&1; then
    echo "not ok an altered record is refused"
    failed=1
else
    try "the altered record is named" grep -q 'mail.example.com.: the RRSIG over A' "$work/faults"
fi
exit $failed
