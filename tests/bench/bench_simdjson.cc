/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_simdjson.cc - simdjson's DOM over a text, parser and memory warm.
 * Commands on standard input as verbs.h has them, of which there is one:
 *   json TEXT
 */
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

int
main()
{
	simdjson::dom::parser parser;
	std::string line;

	while (std::getline(std::cin, line)) {
		size_t tab = line.find('\t');
		if (tab == std::string::npos)
			return 64;
		simdjson::padded_string text =
		    simdjson::padded_string::load(line.substr(tab + 1));
		simdjson::dom::element root;
		auto start = std::chrono::steady_clock::now();
		if (parser.parse(text).get(root) != simdjson::SUCCESS)
			return 1;
		std::chrono::duration<double> took =
		    std::chrono::steady_clock::now() - start;
		std::printf("{\"s\":%.9f,\"bytes\":%zu,\"with\":\"%s\"}\n",
		    took.count(), text.size(),
		    simdjson::get_active_implementation()->name().c_str());
		std::fflush(stdout);
	}
	return 0;
}
