#pragma once
/* For tests only: records in an SQLite database in memory, without a world. */
#include "core/store/records.h"

struct fake_records; /* owned; closed by fake_records_close */
struct fake_records *fake_records_open(void);
struct records fake_records_of(struct fake_records *fake);
/* The next `count` commits after `skip` good ones fail and roll back. */
void fake_records_fail(struct fake_records *fake, unsigned skip, unsigned count);
void fake_records_close(struct fake_records *fake);
