#!/bin/sh
# Kernels, GGUF and graph with instructions that the processor here lacks: a Linux guest of the emulator Bochs runs the
# kernel tests, every set that its processor offers against the portable reference, and prints the digests of the logits,
# which must be those of this machine.
# usage, from the repository's root (`make bare-guest` does it): guest.sh BARE_BINARY KERNEL_IMAGE [CPU]
# CPU as `bochs -help cpu` lists them; default tigerlake (AVX-512 VNNI).
# Needs Bochs 3.0, its BIOS, xorriso, cpio, isolinux, busybox (static) and a kernel of Linux 6.12, all of them in Debian 13;
# where they are not in their usual places: BOCHS, BOCHS_SHARE, VGA_BIOS, ISOLINUX, LDLINUX, BUSYBOX. For AMX
# CPU_FEATURES='amx, amx_int8, amx_bf16' and a Bochs that does right what docs/engine.md says of 3.0.
set -eu
bare=$1 kernel=$2 cpu=${3:-tigerlake}
bochs=${BOCHS:-bochs} share=${BOCHS_SHARE:-/usr/share/bochs} vga=${VGA_BIOS:-/usr/share/vgabios/vgabios.bin}
isolinux=${ISOLINUX:-/usr/lib/ISOLINUX/isolinux.bin} ldlinux=${LDLINUX:-/usr/lib/syslinux/modules/bios/ldlinux.c32}
busybox=${BUSYBOX:-/bin/busybox}
for f in "$bare" "$kernel" "$share/BIOS-bochs-latest" "$vga" "$isolinux" "$ldlinux" "$busybox"; do
    [ -f "$f" ] || { echo "$f: not there; see the head of $0" >&2; exit 2; }
done
for c in "$bochs" xorriso cpio; do
    command -v "$c" > /dev/null || { echo "$c: not installed; see the head of $0" >&2; exit 2; }
done
models=
for m in llama gemma3 gptoss dsv3 phi3-long; do
    models="$models tests/fixtures/tiny-$m.gguf"
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

mkdir -p "$out/root/dev" "$out/iso"
cp --parents $models tests/golden/quant_blocks.txt "$out/root/"
cp "$bare" "$out/root/bare"
cp "$busybox" "$out/root/busybox"
cat > "$out/root/init" << END
#!/busybox sh
if ./bare kernels && ./bare logits$models; then echo GUEST PASSED; else echo GUEST FAILED; fi
./busybox sleep 1 # until all of it is printed
./busybox poweroff -f
END
chmod +x "$out/root/init"
(cd "$out/root" && find . | cpio -o -H newc --quiet) > "$out/iso/initrd"
cp "$kernel" "$out/iso/vmlinuz"
cp "$isolinux" "$out/iso/isolinux.bin"
cp "$ldlinux" "$out/iso/"
cat > "$out/iso/isolinux.cfg" << END
default guest
label guest
 kernel vmlinuz
 append initrd=initrd console=ttyS0 quiet mitigations=off nokaslr nowatchdog no5lvl tsc=reliable
END
xorriso -as mkisofs -quiet -o "$out/cd" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
    "$out/iso" 2> /dev/null
cat > "$out/bochsrc" << END
config_interface: textconfig
display_library: ${DISPLAY_LIBRARY:-rfb, options="timeout=0"}
cpu: model=$cpu, count=1, ips=50000000, reset_on_triple_fault=0${CPU_FEATURES:+, add_features=\"$CPU_FEATURES\"}
memory: guest=1024, host=1024
romimage: file=$share/BIOS-bochs-latest
vgaromimage: file=$vga
ata0-master: type=cdrom, path=$out/cd, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$out/console
clock: sync=none, time0=local
log: $out/log
panic: action=fatal
error: action=ignore
info: action=ignore
speaker: enabled=0
END
echo c > "$out/go"
debugger= # Debian's Bochs has it and waits for a word
if "$bochs" --help 2>&1 | grep -q -e '-rc'; then debugger="-rc $out/go"; fi
"$bochs" -q -f "$out/bochsrc" $debugger < /dev/null > "$out/bochs" 2>&1 || true
[ -f "$out/console" ] || { echo "the guest did not start" >&2; tail -n 20 "$out/bochs" >&2; exit 1; }
tr -d '\r' < "$out/console" > "$out/said"
grep -q 'GUEST PASSED' "$out/said" || { tail -n 20 "$out/said" "$out/bochs" >&2; exit 1; }
"$bare" logits $models > "$out/here" 2> "$out/sets"
grep -E '^tiny-.* [0-9a-f]{16}$' "$out/said" > "$out/there"
diff "$out/here" "$out/there" || { echo "logits in the guest differ from those here" >&2; exit 1; }
grep 'kernel sets here' "$out/said" | sort -u
echo "guest: kernels equal the reference, $(wc -l < "$out/there") digests of logits equal those here"
