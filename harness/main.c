/* main.c - entry of the program; everything is in cmd.c, so that tests can link it. */
#include "harness/base/interrupt.h"
#include "harness/cmd.h"

int main(int argc, char **argv)
{
    interrupt_install();
    return cmd_main(argc, argv);
}
