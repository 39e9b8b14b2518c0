/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes the measurement in its context there. */
#include <rbpf/helpers.h>

#include "../context.h"

ssize_t write(struct context *context)
{
    return bpf_fmt_senml(context->out, context->room, context->name, &context->value,
                         context->dimensions);
}
