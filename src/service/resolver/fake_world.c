/* The tree: . and com. signed; example.com. signed; glueless.com. unsigned and only reachable by
 * way of net.; expired.com. with old signatures; stripped.com. with a DS and no signatures. */
#include "service/resolver/fake_world.h"

static const char ROOT_ZONE[] = ". 3600 SOA a.root. host. 1 1800 900 604800 60\n"
                                ". 3600 NS a.root.\n"
                                "a.root. 3600 A 198.41.0.4\n"
                                "com. 3600 NS ns.com.\n"
                                "ns.com. 3600 A 192.0.2.10\n"
                                "net. 3600 NS ns.net.\n"
                                "ns.net. 3600 A 192.0.2.11";

static const char COM_ZONE[] = "com. 900 SOA ns.com. host. 1 1800 900 604800 60\n"
                               "com. 900 NS ns.com.\n"
                               "ns.com. 900 A 192.0.2.10\n"
                               "example.com. 600 NS ns1.example.com.\n"
                               "example.com. 600 NS ns2.example.com.\n"
                               "ns1.example.com. 600 A 192.0.2.20\n"
                               "ns2.example.com. 600 A 192.0.2.21\n"
                               "glueless.com. 600 NS ns1.hosting.net.\n"
                               "expired.com. 600 NS ns1.example.com.\n"
                               "ns1.example.com. 600 A 192.0.2.20\n"
                               "stripped.com. 600 NS ns1.example.com.\n"
                               "loop-a.com. 600 NS ns.loop-b.com.\n"
                               "loop-b.com. 600 NS ns.loop-a.com.\n"
                               "dead.com. 600 NS ns.dead.com.\n"
                               "ns.dead.com. 600 A 192.0.2.66";

static const char NET_ZONE[] = "net. 900 SOA ns.net. host. 1 1800 900 604800 60\n"
                               "net. 900 NS ns.net.\n"
                               "ns.net. 900 A 192.0.2.11\n"
                               "hosting.net. 600 NS ns1.hosting.net.\n"
                               "ns1.hosting.net. 600 A 192.0.2.30";

static const char EXAMPLE_ZONE[] =
    "example.com. 300 SOA ns1.example.com. host. 1 1800 900 604800 30\n"
    "example.com. 300 NS ns1.example.com.\n"
    "example.com. 300 NS ns2.example.com.\n"
    "ns1.example.com. 300 A 192.0.2.20\n"
    "ns2.example.com. 300 A 192.0.2.21\n"
    "www.example.com. 300 A 192.0.2.80\n"
    "www.example.com. 300 TXT \"hello\"\n"
    "here.example.com. 300 CNAME www.example.com.\n"
    "there.example.com. 300 CNAME www.glueless.com.\n"
    "nowhere.example.com. 300 CNAME missing.example.com.\n"
    "circle-a.example.com. 300 CNAME circle-b.example.com.\n"
    "circle-b.example.com. 300 CNAME circle-a.example.com.\n"
    "*.wild.example.com. 300 A 192.0.2.81\n"
    "moved.example.com. 300 DNAME glueless.com.\n"
    "inside.example.com. 300 DNAME wild.example.com.\n"
    "zero.example.com. 0 A 192.0.2.82\n"
    "deep.tree.example.com. 300 A 192.0.2.83\n"
    "chain0.example.com. 300 CNAME chain1.example.com.\n"
    "chain1.example.com. 300 CNAME chain2.example.com.\n"
    "chain2.example.com. 300 CNAME chain3.example.com.\n"
    "chain3.example.com. 300 CNAME chain4.example.com.\n"
    "chain4.example.com. 300 CNAME chain5.example.com.\n"
    "chain5.example.com. 300 CNAME chain6.example.com.\n"
    "chain6.example.com. 300 CNAME chain7.example.com.\n"
    "chain7.example.com. 300 CNAME chain8.example.com.\n"
    "chain8.example.com. 300 CNAME chain9.example.com.\n"
    "chain9.example.com. 300 CNAME chain10.example.com.\n"
    "chain10.example.com. 300 CNAME chain11.example.com.\n"
    "chain11.example.com. 300 A 192.0.2.84";

static const char HOSTING_ZONE[] =
    "hosting.net. 300 SOA ns1.hosting.net. host. 1 1800 900 604800 30\n"
    "hosting.net. 300 NS ns1.hosting.net.\n"
    "ns1.hosting.net. 300 A 192.0.2.30";

static const char GLUELESS_ZONE[] =
    "glueless.com. 300 SOA ns1.hosting.net. host. 1 1800 900 604800 30\n"
    "glueless.com. 300 NS ns1.hosting.net.\n"
    "www.glueless.com. 300 A 192.0.2.90";

static const char EXPIRED_ZONE[] =
    "expired.com. 300 SOA ns1.example.com. host. 1 1800 900 604800 30\n"
    "expired.com. 300 NS ns1.example.com.\n"
    "www.expired.com. 300 A 192.0.2.91";

static const char STRIPPED_ZONE[] =
    "stripped.com. 300 SOA ns1.example.com. host. 1 1800 900 604800 30\n"
    "stripped.com. 300 NS ns1.example.com.\n"
    "www.stripped.com. 300 A 192.0.2.92";

static void sign_all(struct fake_world *world)
{
    struct fake_net *net = &world->net;
    fake_sign(net, world->example);
    struct sign_times good = net->times;
    net->times.expiration_s = moment_wall_s(net->now) - 86400;
    net->times.inception_s = moment_wall_s(net->now) - 8 * 86400;
    fake_sign(net, world->expired);
    net->times = good;
    fake_make_key(net, world->stripped);
    fake_add_ds(net, world->com, world->example);
    fake_add_ds(net, world->com, world->expired);
    fake_add_ds(net, world->com, world->stripped);
    fake_sign(net, world->com);
    fake_add_ds(net, world->root, world->com);
    fake_sign(net, world->root);
    world->anchor = fake_anchor(net, world->root);
}

void fake_world_open(struct fake_world *world)
{
    struct fake_net *net = &world->net;
    fake_open(net);
    world->root = fake_add_zone(net, ".", ROOT_ZONE);
    world->com = fake_add_zone(net, "com.", COM_ZONE);
    world->net_zone = fake_add_zone(net, "net.", NET_ZONE);
    world->example = fake_add_zone(net, "example.com.", EXAMPLE_ZONE);
    world->hosting = fake_add_zone(net, "hosting.net.", HOSTING_ZONE);
    world->glueless = fake_add_zone(net, "glueless.com.", GLUELESS_ZONE);
    world->expired = fake_add_zone(net, "expired.com.", EXPIRED_ZONE);
    world->stripped = fake_add_zone(net, "stripped.com.", STRIPPED_ZONE);
    sign_all(world);
    world->root_server = fake_add_server(net, "198.41.0.4");
    fake_serve(world->root_server, world->root);
    world->com_server = fake_add_server(net, "192.0.2.10");
    fake_serve(world->com_server, world->com);
    world->net_server = fake_add_server(net, "192.0.2.11");
    fake_serve(world->net_server, world->net_zone);
    world->example_server = fake_add_server(net, "192.0.2.20");
    fake_serve(world->example_server, world->example);
    fake_serve(world->example_server, world->expired);
    fake_serve(world->example_server, world->stripped);
    world->hosting_server = fake_add_server(net, "192.0.2.30");
    fake_serve(world->hosting_server, world->hosting);
    fake_serve(world->hosting_server, world->glueless);
    world->root_hint = world->root_server->address;
}

void fake_world_start(struct fake_world *world, bool is_validating)
{
    fake_world_open(world);
    struct resolver_options options = fake_options(&world->net, &world->root_hint);
    options.is_validating = is_validating;
    options.anchors = &world->anchor;
    options.anchor_count = 1;
    fake_start(&world->net, &options);
}

void fake_world_close(struct fake_world *world)
{
    fake_close(&world->net);
}
