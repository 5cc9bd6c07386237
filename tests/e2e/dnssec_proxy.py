# SPDX-License-Identifier: BSD-2-Clause
class Attacker:
    pass
