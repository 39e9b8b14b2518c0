/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       Error codes
 */
#ifndef RBPF_ERRNO_H
#define RBPF_ERRNO_H

/**
 * @name    Errors: helpers return them negated
 * @{
 */
#ifndef EPERM
#define EPERM (1) /**< Not allowed */
#endif
#ifndef ENOENT
#define ENOENT (2) /**< There is no such key, file or entry */
#endif
#ifndef EIO
#define EIO (5) /**< The device did not answer as it should */
#endif
#ifndef EBADF
#define EBADF (9) /**< The handle names nothing */
#endif
#ifndef EAGAIN
#define EAGAIN (11) /**< Nothing there yet; try again */
#endif
#ifndef ENOMEM
#define ENOMEM (12) /**< Out of memory */
#endif
#ifndef EBUSY
#define EBUSY (16) /**< In use */
#endif
#ifndef EEXIST
#define EEXIST (17) /**< There is one already */
#endif
#ifndef ENODEV
#define ENODEV (19) /**< There is no such device */
#endif
#ifndef EINVAL
#define EINVAL (22) /**< An argument is wrong */
#endif
#ifndef ENOSPC
#define ENOSPC (28) /**< No space left in the store or buffer */
#endif
#ifndef ERANGE
#define ERANGE (34) /**< A value is out of range */
#endif
#ifndef ENOSYS
#define ENOSYS (38) /**< This host lacks the function */
#endif
#ifndef ENOTSUP
#define ENOTSUP (95) /**< The device cannot do that */
#endif
#ifndef ETIMEDOUT
#define ETIMEDOUT (110) /**< It took too long */
#endif
#ifndef ECANCELED
#define ECANCELED (125) /**< Given up before it was done */
#endif
/** @} */

#endif /* RBPF_ERRNO_H */
/** @} */
