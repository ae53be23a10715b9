#pragma once
/* The tables of the registrar. */
#include "core/store/records.h"

/* Brings the records to the present schema. */
enum status schema_migrate(struct records *records) MUST_USE;
