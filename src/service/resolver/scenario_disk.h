#pragma once
/* The disk of a scenario, which outlives its resolver. */
#include "core/store/disk.h"

struct scenario_disk;
struct scenario_disk *scenario_disk_open(void);
struct disk scenario_disk_of(struct scenario_disk *disk);
void scenario_disk_break(struct scenario_disk *disk, bool is_broken); /* every write fails */
void scenario_disk_close(struct scenario_disk *disk);
