/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_object.c - objects of classes: a note for each class that is no plain
 * container.  Nothing here knows what a class would do.
 */
#include "walk_inside.h"

#include <string.h>

#include "siphash.h"
#include "verdict.h"

/* Of a name in a note; names are cut, not refused. */
#define CLASS_TEXT_MAX 200
#define PATH_TEXT_MAX 300
#define NAME_HASHED 256

struct text {
	char *at;
	size_t len;
	size_t room;
};

static void
put(struct text *t, const void *bytes, uint64_t len)
{
	if (len > t->room - t->len)
		len = t->room - t->len;
	memcpy(t->at + t->len, bytes, (size_t)len);
	t->len += (size_t)len;
}

/* Has this class been noted?  Remembers that it has: 64 keyed bits a name. */
static bool
noted_before(struct walk *w, uint64_t hash)
{
	uint64_t *old = w->classes;
	uint32_t had = w->class_capacity;
	uint32_t i;

	hash |= 1;	/* 0 is a free slot */
	if (w->class_count >= had / 2) {
		w->class_capacity = had == 0 ? 64 : had * 2;
		w->classes = arena_alloc(&w->job->arena, w->class_capacity,
		    sizeof(*w->classes));
		for (uint32_t k = 0; k < had; k++) {
			if (old[k] == 0)
				continue;
			i = (uint32_t)(old[k] >> 1) & (w->class_capacity - 1);
			while (w->classes[i] != 0)
				i = (i + 1) & (w->class_capacity - 1);
			w->classes[i] = old[k];
		}
	}
	i = (uint32_t)(hash >> 1) & (w->class_capacity - 1);
	while (w->classes[i] != 0 && w->classes[i] != hash)
		i = (i + 1) & (w->class_capacity - 1);
	if (w->classes[i] == hash)
		return true;
	w->classes[i] = hash;
	w->class_count++;
	return false;
}

static void
put_path(struct text *t, const struct path *path)
{
	size_t room = t->room;

	if (path->count == 0)
		put(t, "the root", 8);
	if (t->room - t->len > PATH_TEXT_MAX)
		t->room = t->len + PATH_TEXT_MAX;
	for (size_t i = 0; i < path->count; i++) {
		if (i > 0)
			put(t, ".", 1);
		put(t, path->parts[i].at, path->parts[i].len);
	}
	t->room = room;
}

/* "object of a class that is not read: m.C at a.b" */
static void
note_class(struct walk *w, vref v, const struct value *class)
{
	char bytes[CLASS_TEXT_MAX + PATH_TEXT_MAX + 8];
	struct text t = { .at = bytes, .room = CLASS_TEXT_MAX };
	const uint8_t *module;
	const uint8_t *name;
	uint64_t module_len;
	uint64_t name_len;
	uint64_t hash[2];

	if (!value_text(w->g, class->as.global.module, true, &module,
	    &module_len) || !value_text(w->g, class->as.global.name, true,
	    &name, &name_len))
		return;
	/* One name may stand for many objects: not longer than that. */
	hash[0] = siphash(w->job->seed, module, module_len < NAME_HASHED ?
	    module_len : NAME_HASHED);
	hash[1] = siphash(w->job->seed, name, name_len < NAME_HASHED ?
	    name_len : NAME_HASHED);
	if (noted_before(w, siphash(w->job->seed, hash, sizeof(hash))) ||
	    verdict_of_name((const char *)module, module_len,
	    (const char *)name, name_len, true) == VERDICT_CLEAN)
		return;
	put(&t, module, module_len);
	put(&t, ".", 1);
	put(&t, name, name_len);
	t.room = sizeof(bytes);
	put(&t, " at ", 4);
	put_path(&t, &w->path);
	sink_note_about(w->job, NOTE_OPAQUE, VERDICT_UNUSUAL,
	    graph_where(w->g, v), "object of a class that is not read",
	    t.at, t.len);
}

void
walk_object(struct walk *w, vref v)
{
	const struct value *call = graph_at(w->g, v);
	vref class = call->as.call.callable;
	struct global_name global = value_global(w->g, class);

	/* These make an object of the class that is their argument. */
	if (global_is(&global, "copyreg", "_reconstructor") ||
	    global_is(&global, "copyreg", "__newobj__") ||
	    global_is(&global, "copyreg", "__newobj_ex__"))
		class = value_item(w->g, call->as.call.args, 0);
	/* Legacy files: ('module', class, file, source) once for each class. */
	if (value_kind(w->g, class) == VALUE_PERSID)
		class = value_item(w->g, graph_at(w->g, class)->as.ref, 1);
	if (value_kind(w->g, class) == VALUE_GLOBAL)
		note_class(w, v, graph_at(w->g, class));
}
