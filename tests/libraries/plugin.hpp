// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#if defined(_WIN32)
#define LUMEN_PLUGIN_EXPORT __declspec(dllexport)
#else
#define LUMEN_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/// What a library of the test offers to the program that opens it: everything else in it is hidden.
/// Texts are the library's, valid until its next call on the same thread.
extern "C" {
/// Explains small networks by every kind of method that listens. Empty if each map is what arithmetic by hand gives,
/// else what is wrong.
LUMEN_PLUGIN_EXPORT const char* plugin_explain();
/// Begins to listen on this thread; what is returned is for the next two.
LUMEN_PLUGIN_EXPORT void* plugin_listen();
/// The operators and taps heard so far, "relu [tap] ".
LUMEN_PLUGIN_EXPORT const char* plugin_heard(const void* listening);
LUMEN_PLUGIN_EXPORT void plugin_stop(void* listening);
/// Runs an operator and a tap.
LUMEN_PLUGIN_EXPORT void plugin_run();
/// Keeps a TorchScript network, and explains it again at each call; as plugin_explain.
LUMEN_PLUGIN_EXPORT const char* plugin_network();
/// The same with memory: begins to measure; the bytes seen so far; ends.
LUMEN_PLUGIN_EXPORT void* plugin_meter();
LUMEN_PLUGIN_EXPORT long long plugin_metered(const void* meter);
LUMEN_PLUGIN_EXPORT void plugin_unmeter(void* meter);
LUMEN_PLUGIN_EXPORT void plugin_allocate(long long bytes);
/// Takes lumen's dispatch key, as code that knows nothing of lumen might.
LUMEN_PLUGIN_EXPORT void plugin_take_key();
}
