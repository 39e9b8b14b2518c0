/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What request.c is asked to send, and the keys under which it keeps how that
 * ended; shared with main.c. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdint.h>

/** Whom to send what: the context of the hook `send`. */
typedef struct {
    uint32_t remote;        /**< index of the remote */
    uint32_t method;        /**< code of the method */
    uint32_t length;        /**< bytes of payload, up to 200 */
    char path[180];         /**< path and query */
} send_t;

/** Requests that have ended, and of the last: code, number, length, whether it was
 * cut, and the sum of the payload's bytes. */
enum { KEY_ENDED, KEY_CODE, KEY_NUMBER, KEY_LENGTH, KEY_TRUNCATED, KEY_SUM };

#endif /* REQUEST_H */
