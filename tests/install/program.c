/* SPDX-License-Identifier: Apache-2.0 */
#include <picklefork.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	pfork_broker *broker = NULL;
	pfork_checkpoint *ckpt = NULL;
	pfork_error err = { PFORK_OK, 0, 0, "" };
	float w[6];

	if (argc != 2 || pfork_broker_new(NULL, &broker, &err) != PFORK_OK ||
	    pfork_load_path(broker, argv[1], &ckpt, &err) != PFORK_OK ||
	    pfork_tensor_read(pfork_checkpoint_find(ckpt, "w"), w, sizeof(w),
		&err) != PFORK_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("%s %g\n", pfork_tensor_dtype(pfork_checkpoint_at(ckpt, 0)),
	    (double)w[5]);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
	return 0;
}
