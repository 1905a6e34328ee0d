package app

import (
	"strings"

	"cohort/models"
)

// What invented people and groups are called, in each language.
var (
	madeGiven = words(map[models.Locale]string{
		models.LocaleEn: "Alice Amelia Arthur Aoife Benjamin Caitlín Charlotte Connor Daniel Edith Eleanor Ethan Evelyn Finn Florence George Grace Harriet Henry Imogen Jack James Jessica Liam Lucy Martha Mia Niamh Oliver Oscar Poppy Róisín Rosie Ruby Samuel Seán Sophie Theo Thomas William",
		models.LocaleFr: "Adèle Agathe Amélie Anaïs André Antoine Aurélie Benoît Camille Cécile Chloé Clément Élise Élodie Émile Étienne Eugénie François Gaël Gérard Hélène Inès Jérôme Joël Jules Léa Léo Loïc Margaux Mathilde Maëlys Michèle Noé Océane Pierre Raphaël Rémi Thérèse Valérie Zoé",
		models.LocaleIt: "Alessandro Alessia Andrea Antonella Beatrice Bianca Carlo Chiara Claudia Dario Davide Elena Emanuele Enzo Fabio Federica Filippo Francesca Gabriele Giada Giorgia Giovanni Giulia Ilaria Lorenzo Luca Ludovica Marco Martina Matteo Michela Niccolò Nicolò Noè Paola Pietro Riccardo Silvia Sofia Tommaso",
		models.LocaleDe: "Anja Annegret Antje Björn Bärbel Christoph Dörte Elke Emil Felix Friedrich Frieda Günter Hannah Heike Helga Ingrid Jonas Jörg Jürgen Käthe Klara Klaus Lukas Lütje Marlene Matthias Maximilian Mia Moritz Oskar Paul Renate Rüdiger Sabine Sönke Søren Theresa Uwe Wolfgang",
		models.LocaleEs: "Adrián Agustín Alba Álvaro Ana Andrés Ángel Begoña Belén Carmen César Concepción Diego Elena Eloísa Fernando Gonzalo Guadalupe Héctor Inés Íñigo Iván Javier Jesús Joaquín José Julián Lucía Mar María Martín Miguel Mónica Nicolás Nuria Pilar Ramón Rocío Sofía Ximena",
		models.LocalePt: "Adão Afonso Amélia André Ângela António Beatriz Caetano Catarina César Conceição Daniela Diogo Duarte Estêvão Fátima Filipe Francisca Gonçalo Henrique Inês Íris João Joaquim José Júlia Leonor Lourenço Luís Mafalda Margarida Mário Matilde Nélson Raúl Rita Simão Sofia Tiago Zélia",
		models.LocaleNl: "Aagje Anouk Bart Bram Carlijn Coen Daan Dirk Eefje Eline Esmée Fenna Femke Floor Gijs Hanneke Hendrik Iris Jaap Jan Jeroen Joris Koen Lieke Loïs Maaike Maarten Marijke Noor Pieter Renée Roos Ruben Sanne Sjoerd Thijs Tijn Willemijn Wouter Zoë",
	})
	madeFamily = words(map[models.Locale]string{
		models.LocaleEn: "Adams Ashworth Bailey Barker Bennett Blackwood Byrne Carter Chapman Clarke Cooper Davies Doyle Edwards Evans Fletcher Foster Graham Griffiths Hughes Jackson Kelly Lewis MacDonald MacLeod Morgan Murphy O’Brien O’Connor O’Neill Parker Reid Roberts Shaw Taylor Thompson Turner Walker Wilson Wright",
		models.LocaleFr: "Aubry Barthélemy Bernard Blanchard Boyer Caron Chevalier Clément Collet Côté D’Arcy Delacroix Dubois Dupré Étienne Faure Fournier Garçon Gérard Guérin Hébert Lacroix Lambert Lefèvre Lemaître Léger Maréchal Martinez Mercier Moreau Noël Perrin Piché Prévost Rivière Rousseau Saint-Aubin Thibault Vasseur Villeneuve",
		models.LocaleIt: "Amato Barbieri Basile Bianchi Bruno Caruso Colombo Conti Costa D’Agostino D’Amico D’Angelo Esposito Fabbri Ferrara Ferrari Fontana Gallo Gentile Giordano Greco Leone Lombardi Longo Mancini Marchetti Marini Martini Mazza Moretti Pellegrini Ricci Rinaldi Rizzo Romano Rossi Russo Santoro Serra Vitale",
		models.LocaleDe: "Albrecht Bäcker Bauer Böhm Brandt Busch Dürr Engel Fuchs Fürst Göbel Graf Groß Günther Hahn Herrmann Hübner Jäger Kaiser Keller Köhler König Krämer Krüger Lindemann Löwe Möller Müller Müller-Lüdenscheidt Neumann Pfeiffer Schäfer Schmidt Schröder Schulz Voß Weiß Winkler Wünsche Ziegler",
		models.LocaleEs: "Aguirre Álvarez Benítez Blanco Castillo Cortés Cruz Díaz Domínguez Escudero Fernández Flores Fuentes García Gómez González Gutiérrez Hernández Ibáñez Iglesias Jiménez López Márquez Martínez Medina Méndez Muñoz Núñez Ortega Peña Pérez Quiñones Ramírez Rodríguez Sánchez Soler Vázquez Vega Yáñez Zúñiga",
		models.LocalePt: "Abrantes Albuquerque Almeida Antunes Araújo Assunção Barbosa Brandão Cabral Câmara Cardoso Carvalho Conceição Correia Costa Duarte Esteves Falcão Fernandes Ferreira Fonseca Galvão Gonçalves Guimarães Leitão Lourenço Magalhães Marçal Mendonça Monteiro Nóbrega Pereira Queirós Ribeiro Rocha Saldanha Simões Taveira Vasconcelos Ávila",
		models.LocaleNl: "Aalbers Bakker Beekman Boer Bosch Brouwer Coëlho Coëyman Dekker Dijkstra Driessen Eekhout Geelen Groen Haan Hendriks Hoekstra Jacobs Janssen Jansen Kok Koster Kuijpers Mulder Noordhoek Peeters Postma Prins Schouten Smit Timmermans Veenstra Verbeek Vermeulen Visser Vlaanderen Vos Willems Wijnands Zijlstra",
	})
	madeTeams = words(map[models.Locale]string{
		models.LocaleEn: "Accounting Field-Service Facilities Hiring Logistics Marketing Operations Research Sales Support Training Warehouse",
		models.LocaleFr: "Accueil Achats Assistance Comptabilité Conformité Études Expédition Formation Juridique Qualité Réception Ventes",
		models.LocaleIt: "Acquisti Amministrazione Assistenza Contabilità Formazione Logistica Magazzino Produzione Qualità Ricerca Sicurezza Vendite",
		models.LocaleDe: "Außendienst Buchhaltung Einkauf Entwicklung Fertigung Förderung Kundendienst Lager Prüfung Schulung Versand Vertrieb",
		models.LocaleEs: "Almacén Atención Compras Contabilidad Diseño Formación Gestión Investigación Logística Producción Seguridad Ventas",
		models.LocalePt: "Armazém Atendimento Compras Contabilidade Expedição Formação Gestão Investigação Logística Produção Segurança Vendas",
		models.LocaleNl: "Administratie Bezorging Buitendienst Financiën Inkoop Klantenservice Magazijn Onderzoek Opleiding Productie Veiligheid Verkoop",
	})
	madePlaces = words(map[models.Locale]string{
		models.LocaleEn: "Belfast Bristol Cardiff Cork Dublin Durham Edinburgh Galway Leeds York",
		models.LocaleFr: "Angers Besançon Bordeaux Chambéry Liège Lyon Namur Orléans Québec Saint-Étienne",
		models.LocaleIt: "Bari Bologna Cefalù Firenze Forlì Genova Lecce Lugano Padova Torino",
		models.LocaleDe: "Bern Düsseldorf Erfurt Görlitz Graz Köln Lübeck München Würzburg Zürich",
		models.LocaleEs: "Bogotá Cádiz Córdoba Girona León Logroño Málaga Mérida Quito Sevilla",
		models.LocalePt: "Aveiro Belém Braga Coimbra Évora Goiânia Lisboa Maceió Porto Setúbal",
		models.LocaleNl: "Antwerpen Breda Brugge Delft Gent Groningen Leuven Utrecht Venlo Zwolle",
	})
)

// madeDescription says what a group is for, by its team and its place.
var madeDescription = map[models.Locale]string{
	models.LocaleEn: "Everybody in %s at %s.",
	models.LocaleFr: "Toute l’équipe %s de %s.",
	models.LocaleIt: "Tutti quelli di %s a %s.",
	models.LocaleDe: "Alle aus %s in %s.",
	models.LocaleEs: "Todo el equipo de %s en %s.",
	models.LocalePt: "Toda a equipa de %s em %s.",
	models.LocaleNl: "Iedereen van %s in %s.",
}

func words(texts map[models.Locale]string) map[models.Locale][]string {
	lists := map[models.Locale][]string{}
	for locale, text := range texts {
		lists[locale] = strings.Fields(text)
	}
	return lists
}
