/* A disk in memory, behind a door: its words and those of the DNS in memory do not go together. */
#include "service/resolver/scenario_disk.h"

#include "core/store/fake_disk.h"

struct scenario_disk {
    struct fake_disk fake;
};

struct scenario_disk *scenario_disk_open(void)
{
    struct scenario_disk *disk = calloc(1, sizeof *disk);
    require(disk != NULL);
    return disk;
}

struct disk scenario_disk_of(struct scenario_disk *disk)
{
    return fake_disk_open(&disk->fake);
}

void scenario_disk_break(struct scenario_disk *disk, bool is_broken)
{
    disk->fake.fault_at = is_broken ? disk->fake.writes + 1 : 0;
    disk->fake.is_broken_for_good = is_broken;
}

void scenario_disk_close(struct scenario_disk *disk)
{
    fake_disk_close(&disk->fake);
    free(disk);
}
