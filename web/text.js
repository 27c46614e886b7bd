// Every word of the page, in each language. {n} and other names in braces are replaced; "one|many" is chosen by n.
const words = {
  en: {
    skip: 'Skip to the content', views: 'Views', theme: 'Theme', theme_system: 'As the system', theme_light: 'Light', theme_dark: 'Dark',
    language: 'Language', key: 'API key', keySet: 'API key ✓', use: 'Use', keyLead: 'The key is kept in this tab until it is closed. Leave it empty to forget it.',
    keyKept: 'The key is used from now on.', keyGone: 'No key is used.', keyNeeded: 'This server wants an API key: use the button at the top.',
    keyWeak: 'This key may not do that.', unreachable: 'The server does not answer. Is it still running?', cancel: 'Cancel',
    identify: 'Identify', identifyLead: 'Every face of a picture: who it is, or nobody that is known. Live pictures are sent one at a time and not kept.',
    enrol: 'Enrol', enrolLead: 'Add pictures of one person. Three to five with different light and pose serve best; what is poor about a picture is said before it is stored.',
    people: 'People', peopleLead: 'Everybody of the gallery. Removing somebody removes every template and crop, and cannot be undone.',
    unknown: 'Unknown', unknownLead: 'Faces that nobody knew since this page was opened, grouped by similarity. Name a group and all of its pictures are enrolled. They are kept in this tab only.',
    verify: 'Verify', verifyLead: 'Do two pictures show the same person? The largest face of each is compared.',
    calibrate: 'Calibrate', calibrateLead: 'How well does the threshold fit your own pictures? Choose pictures whose names begin with the person: anna_1.jpg, anna_2.jpg, ben_1.jpg.',
    audit: 'Audit log', auditLead: 'Every change of the gallery, the newest first.',
    server: 'Server', serverLead: 'The gallery and the models behind this page.',
    choose: 'Choose a picture', dropOrPaste: 'or drop one here, or paste it', noPicture: 'There is no picture.', camera: 'Camera', cameraOff: 'Camera off',
    shoot: 'Take the picture', noCamera: 'This browser gives no camera here: open the page over https or from localhost.', liveCamera: 'Live camera',
    yourPicture: 'Your picture', working: 'Working …', noFace: 'No face was found.', unknownFace: 'Unknown',
    seen: '{known} known, {unknown} unknown.', detectorScore: 'Face with a score of {score}', thresholdIs: 'known from a cosine of {cosine}',
    nobodyEnrolled: 'Nobody is enrolled yet.', nobodyNamed: 'Nobody has this name.', name: 'Name', cosine: 'Cosine', probability: 'Probability', ruledOut: 'ruled out',
    notThisPerson: 'Not {name}', rejected: 'This face will not be taken for {name} again.', enrolThis: 'Enrol', enrolled: '{n} picture of {name} is enrolled.|{n} pictures of {name} are enrolled.',
    severalFaces: '{n} faces: the largest is used.', smallFace: 'The face is small: come closer.', poorQuality: 'Blurred, turned or badly lit.', goodPicture: 'A good picture.',
    quality: 'Quality', leaveOut: 'Leave out', removePicture: 'Remove this picture', removePictureSure: 'Remove this picture of {name}?', remove: 'Remove',
    cropOf: 'Crop of {name}', noCrop: 'no crop', rename: 'Rename', renamed: 'The name is changed.', merge: 'Merge', mergeHow: 'Type the name of the other person, who stays, then Merge.',
    mergeSure: 'Put all pictures of {from} under {into}?', removeSure: 'Remove {name} with every template and crop?', pictures: '{n} picture|{n} pictures', change: 'Change',
    more: 'More', findName: 'Find a name', sameFace: '{n} face|{n} like faces', nameAll: 'Name them', noUnknown: 'No unknown face so far: identify some pictures.',
    picture_a: 'First picture', picture_b: 'Second picture', samePerson: 'The same person', otherPerson: 'Different people', notCompared: 'They could not be compared.',
    cosineIs: 'Cosine {cosine}; the same from {threshold} on.', probabilityIs: 'Probability {probability}.',
    calibrateNow: 'Show thresholds', calibrateMore: 'Two pictures of one person, and two people, are needed.', calibratePairs: '{genuine} genuine pairs, {impostor} impostor pairs.',
    calibrateHave: '{pictures} pictures of {people} people.', strangersAccepted: 'Impostors accepted', accepted: 'Genuine accepted', threshold: 'Threshold',
    calibrateUse: 'To store a threshold with its probabilities in the model, use: arcface calibrate.',
    when: 'When', who: 'Who', what: 'What', subject: 'Subject', detail: 'Detail', gallery: 'Gallery', store: 'Store', templates: 'Templates', dimensions: 'Dimensions',
    fusion: 'Fusion', sealed: 'Sealed', memory: 'Memory', detector: 'Detector', embedder: 'Embedder', parameters: 'Parameters', yes: 'yes', no: 'no',
  },
  de: {
    skip: 'Zum Inhalt', views: 'Ansichten', theme: 'Farben', theme_system: 'Wie das System', theme_light: 'Hell', theme_dark: 'Dunkel',
    language: 'Sprache', key: 'API-Schlüssel', keySet: 'API-Schlüssel ✓', use: 'Verwenden', keyLead: 'Der Schlüssel bleibt in diesem Tab, bis er geschlossen wird. Leer lassen, um ihn zu vergessen.',
    keyKept: 'Der Schlüssel wird von jetzt an verwendet.', keyGone: 'Es wird kein Schlüssel verwendet.', keyNeeded: 'Dieser Server verlangt einen API-Schlüssel: der Knopf oben.',
    keyWeak: 'Dieser Schlüssel darf das nicht.', unreachable: 'Der Server antwortet nicht. Läuft er noch?', cancel: 'Abbrechen',
    identify: 'Erkennen', identifyLead: 'Jedes Gesicht eines Bildes: wer es ist, oder niemand Bekanntes. Bilder der Kamera werden einzeln gesendet und nicht aufbewahrt.',
    enrol: 'Aufnehmen', enrolLead: 'Bilder einer Person hinzufügen. Drei bis fünf mit verschiedenem Licht und verschiedener Haltung sind am besten; was an einem Bild schlecht ist, steht da, bevor es gespeichert wird.',
    people: 'Personen', peopleLead: 'Alle in der Galerie. Wer entfernt wird, verschwindet mit allen Vorlagen und Ausschnitten; das lässt sich nicht rückgängig machen.',
    unknown: 'Unbekannte', unknownLead: 'Gesichter, die seit dem Öffnen dieser Seite niemand kannte, nach Ähnlichkeit gruppiert. Ein Name nimmt alle Bilder einer Gruppe auf. Sie bleiben nur in diesem Tab.',
    verify: 'Vergleichen', verifyLead: 'Zeigen zwei Bilder dieselbe Person? Verglichen wird das jeweils größte Gesicht.',
    calibrate: 'Kalibrieren', calibrateLead: 'Wie gut passt die Schwelle zu Ihren eigenen Bildern? Wählen Sie Bilder, deren Namen mit der Person beginnen: anna_1.jpg, anna_2.jpg, ben_1.jpg.',
    audit: 'Protokoll', auditLead: 'Jede Änderung der Galerie, die neueste zuerst.',
    server: 'Server', serverLead: 'Die Galerie und die Modelle hinter dieser Seite.',
    choose: 'Ein Bild wählen', dropOrPaste: 'oder hier ablegen oder einfügen', noPicture: 'Es ist kein Bild da.', camera: 'Kamera', cameraOff: 'Kamera aus',
    shoot: 'Aufnehmen', noCamera: 'Dieser Browser gibt hier keine Kamera frei: die Seite über https oder von localhost öffnen.', liveCamera: 'Kamera live',
    yourPicture: 'Ihr Bild', working: 'Einen Augenblick …', noFace: 'Es wurde kein Gesicht gefunden.', unknownFace: 'Unbekannt',
    seen: '{known} bekannt, {unknown} unbekannt.', detectorScore: 'Gesicht mit {score} Sicherheit', thresholdIs: 'bekannt ab einem Kosinus von {cosine}',
    nobodyEnrolled: 'Es ist noch niemand aufgenommen.', nobodyNamed: 'Niemand heißt so.', name: 'Name', cosine: 'Kosinus', probability: 'Wahrscheinlichkeit', ruledOut: 'ausgeschlossen',
    notThisPerson: 'Nicht {name}', rejected: 'Dieses Gesicht wird nicht mehr für {name} gehalten.', enrolThis: 'Aufnehmen', enrolled: '{n} Bild von {name} ist aufgenommen.|{n} Bilder von {name} sind aufgenommen.',
    severalFaces: '{n} Gesichter: das größte wird verwendet.', smallFace: 'Das Gesicht ist klein: näher herangehen.', poorQuality: 'Unscharf, abgewandt oder schlecht beleuchtet.', goodPicture: 'Ein gutes Bild.',
    quality: 'Güte', leaveOut: 'Weglassen', removePicture: 'Dieses Bild entfernen', removePictureSure: 'Dieses Bild von {name} entfernen?', remove: 'Entfernen',
    cropOf: 'Ausschnitt von {name}', noCrop: 'kein Ausschnitt', rename: 'Umbenennen', renamed: 'Der Name ist geändert.', merge: 'Zusammenlegen', mergeHow: 'Den Namen der anderen Person eingeben, die bleibt, dann Zusammenlegen.',
    mergeSure: 'Alle Bilder von {from} zu {into} legen?', removeSure: '{name} mit allen Vorlagen und Ausschnitten entfernen?', pictures: '{n} Bild|{n} Bilder', change: 'Ändern',
    more: 'Mehr', findName: 'Namen suchen', sameFace: '{n} Gesicht|{n} ähnliche Gesichter', nameAll: 'Benennen', noUnknown: 'Noch kein unbekanntes Gesicht: erst Bilder erkennen lassen.',
    picture_a: 'Erstes Bild', picture_b: 'Zweites Bild', samePerson: 'Dieselbe Person', otherPerson: 'Verschiedene Personen', notCompared: 'Sie ließen sich nicht vergleichen.',
    cosineIs: 'Kosinus {cosine}; dieselbe Person ab {threshold}.', probabilityIs: 'Wahrscheinlichkeit {probability}.',
    calibrateNow: 'Schwellen zeigen', calibrateMore: 'Nötig sind zwei Bilder einer Person und zwei Personen.', calibratePairs: '{genuine} Paare derselben, {impostor} verschiedener Personen.',
    calibrateHave: '{pictures} Bilder von {people} Personen.', strangersAccepted: 'Fremde angenommen', accepted: 'Richtige angenommen', threshold: 'Schwelle',
    calibrateUse: 'Um eine Schwelle mit ihren Wahrscheinlichkeiten im Modell zu speichern: arcface calibrate.',
    when: 'Wann', who: 'Wer', what: 'Was', subject: 'Woran', detail: 'Einzelheit', gallery: 'Galerie', store: 'Speicher', templates: 'Vorlagen', dimensions: 'Dimensionen',
    fusion: 'Verschmelzung', sealed: 'Versiegelt', memory: 'Arbeitsspeicher', detector: 'Detektor', embedder: 'Einbetter', parameters: 'Parameter', yes: 'ja', no: 'nein',
  },
};

export const languages = { en: 'English', de: 'Deutsch' };
let chosen = localStorage.getItem('arcface.language') || (navigator.language || 'en').slice(0, 2);
if (!(chosen in words)) chosen = 'en';

export const language = () => chosen;

export function setLanguage(name) {
  chosen = name in words ? name : 'en';
  localStorage.setItem('arcface.language', chosen);
}

export function t(key, values = {}) {
  const forms = words[chosen][key].split('|');
  const text = forms[values.n === 1 || forms.length === 1 ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
