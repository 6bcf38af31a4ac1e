// Programmatic dependent launch, on the device's side: two instructions of the plain kernels.
#pragma once

namespace graph {

// With it a kernel's blocks may start before the previous kernel has ended. They may read its results only after
// wait_for_previous; the next kernel may start once all blocks have called let_next_start or ended. Without that
// attribute at the launch both do nothing.
__device__ __forceinline__ void wait_for_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
__device__ __forceinline__ void let_next_start() { asm volatile("griddepcontrol.launch_dependents;"); }

}  // namespace graph
