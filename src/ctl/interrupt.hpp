// Ctrl-C.
#pragma once

namespace matriarch::ctl {

// From now on SIGINT ends the process with "Aborted!" and exit code 1, wherever it waits.
void abort_on_interrupt();

// The request that is being waited for was accepted and goes on without us: what Ctrl-C says besides. Null: nothing.
// `text` must live as long as the process.
void say_on_interrupt(const char* text);

}  // namespace matriarch::ctl
