# SPDX-License-Identifier: MIT
"""CPU models: the features that the shell's `cpus` reports as active are those that the model is known to have.

The in-guest tests prove that active features work and absent ones are not missed, but like the kernel they ask the CPU
which it has. This test is an independent witness: the models' data sheets, as far as QEMU 7.2 follows them.
"""
import re

from smoke import MACHINE, TestCase, debug, for_machine, run

# --cpu, then the active and the absent features.
MODELS = {
    "x86_64": {
        "qemu64": ("NX WP", "SMEP SMAP UMIP XSAVE RDRAND RDSEED FSGSBASE CET"),
        "Nehalem": ("NX WP", "SMEP SMAP UMIP XSAVE RDRAND RDSEED FSGSBASE CET"),
        "Haswell": ("NX WP SMEP XSAVE RDRAND", "SMAP UMIP RDSEED CET"),
        "EPYC": ("NX WP SMEP SMAP XSAVE RDRAND", "UMIP CET"),
        "max": ("NX WP SMEP SMAP UMIP XSAVE RDRAND", "CET"),
        "max,smap=off,xsave=off": ("NX WP SMEP UMIP RDRAND", "SMAP XSAVE"),
    },
    "aarch64": {
        "cortex-a53": ("PXN WXN", "PAN BTI PAC RNG MTE"),
        "cortex-a57": ("PXN WXN", "PAN BTI PAC RNG MTE"),
        "cortex-a72": ("PXN WXN", "PAN BTI PAC RNG MTE"),
        "max": ("PXN WXN PAN BTI PAC RNG", "MTE"),
        "max,pauth-impdef=on": ("PXN WXN PAN BTI PAC RNG", "MTE"),
        "max,pauth=off": ("PXN WXN PAN BTI RNG", "PAC MTE"),
    },
}


class Cpus(TestCase):
    def features(self, output, title):
        line = re.search(rf"(?m)^ +{title}:(.*)$", output)
        self.assertIsNotNone(line, output)
        return set(line[1].split())

    def check(self, cpu, on, absent):
        boot = [] if MACHINE == "aarch64" else ["--boot", "kernel"]
        result = run(*boot, "--cpu", cpu, typed="cpus\npoweroff\n")
        self.expect(result, 0, contains="halyard> ")
        self.assertLessEqual(set(on.split()), self.features(result.output, "on"), result.output)
        self.assertLessEqual(set(absent.split()), self.features(result.output, "absent"), result.output)
        # The boot log has the same list.
        listed = " ".join(re.search(r"(?m)^ +on:(.*)$", result.output)[1].split())
        self.assertRegex(result.output, rf"boot: [^\n]*: {listed}\r?\n")


class Seed(TestCase):
    @for_machine("aarch64")
    def test_the_loaders_seeds_are_erased(self):
        done = debug("break boot_serve\ncontinue\n"
                     "output 'early.c'::info.seed.sources[0].len\necho \\ and\\n\n"
                     "output 'early.c'::info.seed.sources[1].len\necho \\ bytes\\n\n"
                     "x/1xg hal_direct_base+'early.c'::info.seed.sources[0].at\n"
                     "x/4xg hal_direct_base+'early.c'::info.seed.sources[1].at\nkill\n")
        self.assertIn("8 and\n32 bytes", done.output, done.output + done.errors)
        self.assertEqual(re.findall(r"\t(0x[0-9a-f]{16})", done.output), ["0x" + 16 * "0"] * 5, done.output)


def model_test(cpu, on, absent):
    return lambda self: self.check(cpu, on, absent)


for _cpu, (_on, _absent) in MODELS[MACHINE].items():
    setattr(Cpus, "test_" + re.sub(r"\W+", "_", _cpu), model_test(_cpu, _on, _absent))


class Tables(TestCase):
    def test_the_root_entry_for_a_cpus_data_is_in_its_tables(self):
        """The first CPU whose data lies past a multiple of 512 GiB needs an entry in the root table that the others did
        not."""
        done = debug("tbreak vm_init\ncontinue\nset var 'aslr.c'::offsets[HAL_REGION_VM] = 0x8000000000 - 0x180000\n"
                     "break boot_serve\ncontinue\nprint cpus_count()\n", "--smp", 8)
        self.expect(done, contains="\n$1 = 8\n")
