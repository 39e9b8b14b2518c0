/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Has no right to pins. */
int plain(void)
{
    return 0;
}
