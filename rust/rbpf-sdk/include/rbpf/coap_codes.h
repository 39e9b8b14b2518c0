/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       CoAP: methods, response codes and content formats
 */
#ifndef RBPF_COAP_CODES_H
#define RBPF_COAP_CODES_H

#include <stdint.h>

/**
 * @name    Methods
 * @{
 */
#ifndef COAP_METHOD_GET
#define COAP_METHOD_GET (1) /**< GET */
#endif
#ifndef COAP_METHOD_POST
#define COAP_METHOD_POST (2) /**< POST */
#endif
#ifndef COAP_METHOD_PUT
#define COAP_METHOD_PUT (3) /**< PUT */
#endif
#ifndef COAP_METHOD_DELETE
#define COAP_METHOD_DELETE (4) /**< DELETE */
#endif
#ifndef COAP_METHOD_FETCH
#define COAP_METHOD_FETCH (5) /**< FETCH */
#endif
#ifndef COAP_METHOD_PATCH
#define COAP_METHOD_PATCH (6) /**< PATCH */
#endif
#ifndef COAP_METHOD_IPATCH
#define COAP_METHOD_IPATCH (7) /**< iPATCH */
#endif
/** @} */

/**
 * @name    Response codes
 * @{
 */
#ifndef COAP_CODE_CREATED
#define COAP_CODE_CREATED ((uint8_t)((2 << 5) | 1)) /**< 2.01 Created */
#endif
#ifndef COAP_CODE_DELETED
#define COAP_CODE_DELETED ((uint8_t)((2 << 5) | 2)) /**< 2.02 Deleted */
#endif
#ifndef COAP_CODE_VALID
#define COAP_CODE_VALID ((uint8_t)((2 << 5) | 3)) /**< 2.03 Valid */
#endif
#ifndef COAP_CODE_CHANGED
#define COAP_CODE_CHANGED ((uint8_t)((2 << 5) | 4)) /**< 2.04 Changed */
#endif
#ifndef COAP_CODE_CONTENT
#define COAP_CODE_CONTENT ((uint8_t)((2 << 5) | 5)) /**< 2.05 Content */
#endif
#ifndef COAP_CODE_BAD_REQUEST
#define COAP_CODE_BAD_REQUEST ((uint8_t)((4 << 5) | 0)) /**< 4.00 Bad Request */
#endif
#ifndef COAP_CODE_UNAUTHORIZED
#define COAP_CODE_UNAUTHORIZED ((uint8_t)((4 << 5) | 1)) /**< 4.01 Unauthorized */
#endif
#ifndef COAP_CODE_FORBIDDEN
#define COAP_CODE_FORBIDDEN ((uint8_t)((4 << 5) | 3)) /**< 4.03 Forbidden */
#endif
#ifndef COAP_CODE_PATH_NOT_FOUND
#define COAP_CODE_PATH_NOT_FOUND ((uint8_t)((4 << 5) | 4)) /**< 4.04 Not Found */
#endif
#ifndef COAP_CODE_METHOD_NOT_ALLOWED
#define COAP_CODE_METHOD_NOT_ALLOWED ((uint8_t)((4 << 5) | 5)) /**< 4.05 Method Not Allowed */
#endif
#ifndef COAP_CODE_INTERNAL_SERVER_ERROR
#define COAP_CODE_INTERNAL_SERVER_ERROR ((uint8_t)((5 << 5) | 0)) /**< 5.00 Internal Server Error */
#endif
#ifndef COAP_CODE_NOT_IMPLEMENTED
#define COAP_CODE_NOT_IMPLEMENTED ((uint8_t)((5 << 5) | 1)) /**< 5.01 Not Implemented */
#endif
#ifndef COAP_CODE_SERVICE_UNAVAILABLE
#define COAP_CODE_SERVICE_UNAVAILABLE ((uint8_t)((5 << 5) | 3)) /**< 5.03 Service Unavailable */
#endif
/** @} */

/**
 * @name    Content-Formats
 * @{
 */
#ifndef COAP_FORMAT_TEXT
#define COAP_FORMAT_TEXT (0) /**< text/plain; charset=utf-8 */
#endif
#ifndef COAP_FORMAT_LINK
#define COAP_FORMAT_LINK (40) /**< application/link-format */
#endif
#ifndef COAP_FORMAT_OCTET
#define COAP_FORMAT_OCTET (42) /**< application/octet-stream */
#endif
#ifndef COAP_FORMAT_JSON
#define COAP_FORMAT_JSON (50) /**< application/json */
#endif
#ifndef COAP_FORMAT_CBOR
#define COAP_FORMAT_CBOR (60) /**< application/cbor */
#endif
#ifndef COAP_FORMAT_SENML_JSON
#define COAP_FORMAT_SENML_JSON (110) /**< application/senml+json */
#endif
#ifndef COAP_FORMAT_SENML_CBOR
#define COAP_FORMAT_SENML_CBOR (112) /**< application/senml+cbor */
#endif
/** @} */

/**
 * @name    Flags of bpf_coap_opt_finish
 * @{
 */
#ifndef COAP_OPT_FINISH_NONE
#define COAP_OPT_FINISH_NONE (0x0000) /**< no payload follows */
#endif
#ifndef COAP_OPT_FINISH_PAYLOAD
#define COAP_OPT_FINISH_PAYLOAD (0x0001) /**< a payload follows: write its marker */
#endif
/** @} */

#endif /* RBPF_COAP_CODES_H */
/** @} */
